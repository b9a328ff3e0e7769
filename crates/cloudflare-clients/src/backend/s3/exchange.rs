//! A signed request, and the answer to it.

use std::sync::Arc;

use http::Request;

use crate::backend::http::Sender;
use crate::body::Body;
use crate::error::Result;
use crate::runtime::Runtime;
use crate::transport::{Answer, Timeouts};
use crate::wire::s3::{Response, error_code};

/// A page of 1,000 keys of 1,024 encoded bytes has 4 MiB.
const MAX_DOCUMENT: usize = 16 * 1024 * 1024;
const MAX_ERROR: usize = 64 * 1024;

/// Sends a signed request and returns the head of a success.
pub(super) async fn exchange(
    http: &Sender,
    timeouts: Timeouts,
    runtime: &Arc<dyn Runtime>,
    mut request: Request<Body>,
) -> Result<Answer> {
    request.extensions_mut().insert(timeouts);
    let answer = Answer::from(http.send(request).await?);
    if answer.status().is_success() {
        return Ok(answer);
    }
    let (status, reason, headers) = (answer.status(), answer.reason(), answer.headers().clone());
    let body = answer.start(MAX_ERROR).await;
    Err(error_code::parse_error(status, reason.as_deref(), &headers, &body, runtime.now()))
}

/// A success with its document.
pub(super) async fn document(answer: Answer, runtime: &Arc<dyn Runtime>) -> Result<Response> {
    Ok(Response {
        status: answer.status(),
        reason: answer.reason(),
        headers: answer.headers().clone(),
        body: answer.bytes(MAX_DOCUMENT).await?,
        received: runtime.now(),
    })
}
