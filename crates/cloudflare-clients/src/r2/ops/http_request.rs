//! The range and the conditions in a client's HTTP request.

use std::time::SystemTime;

use http::{HeaderMap, Method, request};

#[cfg(all(feature = "workers", target_arch = "wasm32"))]
use crate::error::Error;
use crate::error::{ErrorKind, Result};
use crate::model::r2::condition_headers::ConditionHeaders;
use crate::model::r2::headers::read_range;
use crate::model::r2::{Conditional, EtagList, IfRange, ObjectBody, Range};

/// The parts of a request that concern the object.
pub(super) struct HttpRequest {
    /// The conditions, or why they cannot be read.
    pub(super) only_if: Result<Conditional>,
    pub(super) range: Option<ClientRange>,
}

impl HttpRequest {
    pub(super) fn of_parts(parts: &request::Parts) -> Self {
        Self::of(parts.method == Method::GET, &parts.headers)
    }

    #[cfg(all(feature = "workers", target_arch = "wasm32"))]
    pub(super) fn of_worker(request: &worker::Request) -> Self {
        use http::{HeaderValue, header};

        // Only these: accepting any name would cost a Worker a table of all known names.
        let taken = [
            header::RANGE,
            header::IF_RANGE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            header::IF_MODIFIED_SINCE,
            header::IF_UNMODIFIED_SINCE,
        ];
        let mut headers = HeaderMap::new();
        for name in taken {
            let Ok(Some(value)) = request.headers().get(name.as_str()) else {
                continue;
            };
            match HeaderValue::from_str(&value) {
                Ok(value) => headers.insert(name, value),
                Err(_) => return Self::malformed(&name),
            };
        }
        Self::of(request.method() == worker::Method::Get, &headers)
    }

    /// A request with control characters in a header. A recipient must refuse or replace them.
    #[cfg(all(feature = "workers", target_arch = "wasm32"))]
    fn malformed(name: &http::HeaderName) -> Self {
        let refused = Error::invalid_input(format!("the request's header {name} has control characters"));
        Self { only_if: Err(refused), range: None }
    }

    /// In HTTP, ranges apply to GET only. A malformed range is ignored.
    fn of(is_get: bool, headers: &HeaderMap) -> Self {
        let range = if is_get { read_range(headers).unwrap_or_default() } else { None };
        Self {
            only_if: ConditionHeaders::HTTP.read(headers, EtagList::parse_quoted),
            range: range.map(|range| ClientRange { range, if_range: IfRange::read(headers) }),
        }
    }
}

/// A range that a client requests.
#[derive(Debug, Clone)]
pub(super) struct ClientRange {
    pub(super) range: Range,
    if_range: Option<IfRange>,
}

impl ClientRange {
    /// The range to request from a bucket. `None` for the last 0 bytes, which no object has.
    pub(super) fn to_ask_for(&self) -> Option<Range> {
        Some(self.range).filter(|range| range.validate().is_ok())
    }

    /// Whether the client gets the whole object instead, given the result of its range request at the time
    /// `now`.
    pub(super) fn is_void(&self, found: &Result<Option<ObjectBody>>, now: SystemTime) -> bool {
        match (found, &self.if_range) {
            (Ok(Some(found)), Some(if_range)) => !if_range.matches(found, now),
            (Err(error), if_range) if error.kind() == ErrorKind::RangeNotSatisfiable => {
                // The last bytes of an empty object are the whole object, which `Content-Range` cannot
                // express.
                let is_all = matches!(self.range, Range::Suffix { suffix: 1.. }) && error.size() == Some(0);
                is_all || if_range.as_ref().is_some_and(|if_range| !if_range.matches_object_of(error, now))
            }
            _ => false,
        }
    }
}
