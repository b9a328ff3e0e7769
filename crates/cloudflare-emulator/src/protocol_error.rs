//! What a protocol answers instead of doing what was asked.

use http::StatusCode;

use crate::response::Response;

/// What a protocol answers instead of doing what was asked.
pub(crate) trait ProtocolError {
    /// The error that a server with this trouble answers with.
    fn from_status(status: StatusCode) -> Self;

    fn into_response(self) -> Response;
}

/// The answer to a request: a failure that was ordered in place of `handled`, or what that comes to.
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
