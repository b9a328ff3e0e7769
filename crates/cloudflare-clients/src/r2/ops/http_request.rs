//! What the HTTP request of a client asks of an object.

use std::time::SystemTime;

use http::{HeaderMap, Method, request};

#[cfg(all(feature = "workers", target_arch = "wasm32"))]
use crate::error::Error;
use crate::error::{ErrorKind, Result};
use crate::model::r2::condition_headers::ConditionHeaders;
use crate::model::r2::headers::read_range;
use crate::model::r2::{Conditional, EtagList, IfRange, ObjectBody, Range};

/// What a request asks for.
pub(super) struct HttpRequest {
    /// What the object must meet, or why that cannot be read.
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

        // These alone: taking any name costs a Worker a table of all known ones.
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

    /// A request with control characters in a header, which a recipient has to refuse or to replace.
    #[cfg(all(feature = "workers", target_arch = "wasm32"))]
    fn malformed(name: &http::HeaderName) -> Self {
        let refused = Error::invalid_input(format!("the request's header {name} has control characters"));
        Self { only_if: Err(refused), range: None }
    }

    /// HTTP has ranges of GET alone. One that is malformed counts as none.
    fn of(is_get: bool, headers: &HeaderMap) -> Self {
        let range = if is_get { read_range(headers).unwrap_or_default() } else { None };
        Self {
            only_if: ConditionHeaders::HTTP.read(headers, EtagList::parse_quoted),
            range: range.map(|range| ClientRange { range, if_range: IfRange::read(headers) }),
        }
    }
}

/// A range that a client asks for.
#[derive(Debug, Clone)]
pub(super) struct ClientRange {
    pub(super) range: Range,
    if_range: Option<IfRange>,
}

impl ClientRange {
    /// The range to ask a bucket for; `None` where no object has its bytes: the last 0.
    pub(super) fn to_ask_for(&self) -> Option<Range> {
        Some(self.range).filter(|range| range.validate().is_ok())
    }

    /// Whether the client is to get the whole object instead, seen what its range gave at the time `now`.
    pub(super) fn is_void(&self, found: &Result<Option<ObjectBody>>, now: SystemTime) -> bool {
        match (found, &self.if_range) {
            (Ok(Some(found)), Some(if_range)) => !if_range.matches(found, now),
            (Err(error), if_range) if error.kind() == ErrorKind::RangeNotSatisfiable => {
                // The last bytes of an empty object are all of it, which no Content-Range can say.
                let is_all = matches!(self.range, Range::Suffix { suffix: 1.. }) && error.size() == Some(0);
                is_all || if_range.as_ref().is_some_and(|if_range| !if_range.matches_object_of(error, now))
            }
            _ => false,
        }
    }
}
