//! Errors of both protocols.

use http::StatusCode;

use crate::response::Response;

/// An error of a protocol.
pub(crate) trait ProtocolError {
    /// Returns the error of the protocol for this status.
    fn from_status(status: StatusCode) -> Self;

    fn into_response(self) -> Response;
}

/// Returns the answer to a request: an injected failure, or the result of `handled`.
pub(crate) async fn answer<E: ProtocolError>(
    ordered: Option<StatusCode>,
    handled: impl Future<Output = Result<Response, E>>,
) -> Response {
    match ordered {
        Some(status) => Err(E::from_status(status)),
        None => handled.await,
    }
    .unwrap_or_else(E::into_response)
}
