//! A client of a bucket that records its requests and their answers.

use cloudflare_clients::{Error, ErrorKind};

use crate::finding::Finding;
use crate::history::R2History;
use crate::specification::r2::{Input, Output};
use crate::trace;
use crate::world::counting_requests;

/// Returns the time in the form of histories.
pub(crate) fn now() -> u64 {
    u64::try_from(trace::elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Records what a client does.
#[derive(Clone, Copy)]
pub(crate) struct Recorder<'h> {
    pub(crate) client: usize,
    pub(crate) history: &'h R2History,
}

impl Recorder<'_> {
    /// Sends a request and records its outcome. Returns the answer, if there is one.
    pub(crate) async fn record(
        &self,
        key: &str,
        input: Input,
        work: impl Future<Output = Result<Output, Error>>,
    ) -> Result<Option<Output>, Finding> {
        trace::count("operations");
        trace::line(format_args!("client {}: {key:?}: {input:?}", self.client));
        let id = self.history.invoke(now(), self.client, key, input);
        let (answered, requests) = counting_requests(work).await;
        for _ in 1..requests {
            self.history.sent_again(id);
        }
        let is_refused = answered.as_ref().is_err_and(|error| error.kind() == ErrorKind::RateLimited);
        let output = match answered {
            Ok(output) => Some(output),
            Err(error) => {
                trace::line(format_args!("client {}: {key:?}: {error}", self.client));
                answer(&error)?
            }
        };
        match &output {
            Some(output) => {
                trace::line(format_args!("client {}: {key:?}: {output:?}", self.client));
                self.history.answer(id, now(), output.clone());
            }
            None if is_refused => self.history.refused(id, now()),
            None => self.history.gave_up(id, now()),
        }
        Ok(output)
    }
}

/// Converts an error to an answer; `None` if the outcome of the request is unknown. Other errors are
/// findings.
pub(crate) fn answer(error: &Error) -> Result<Option<Output>, Finding> {
    Ok(Some(match (error.kind(), error.code()) {
        (ErrorKind::PreconditionFailed, _) => Output::PreconditionFailed,
        (ErrorKind::NotModified, _) => Output::NotModified,
        (ErrorKind::RangeNotSatisfiable, _) => Output::RangeNotSatisfiable,
        (ErrorKind::NoSuchUpload, _) => Output::NoSuchUpload,
        (ErrorKind::NoSuchKey, _) => Output::Absent,
        (_, Some("EntityTooSmall")) => Output::EntityTooSmall,
        (_, Some("InvalidPart")) => Output::InvalidPart,
        _ if is_unknown(error) => return Ok(None),
        // The bytes read before the connection was cut belong to an object that no longer exists.
        (ErrorKind::Integrity, _) if error.message().contains("was replaced or deleted") => return Ok(None),
        _ => return Err(Finding::new(format!("unexpected error: {error}"))),
    }))
}

/// Whether the outcome of a request with this error is unknown.
pub(crate) fn is_unknown(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Timeout
            | ErrorKind::Connection
            | ErrorKind::Server
            | ErrorKind::Storage
            | ErrorKind::RateLimited
            | ErrorKind::UnexpectedResponse
    )
}
