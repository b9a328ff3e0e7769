//! Handling of a request: authenticate, find the operation, run it, render the answer.

use cloudflare_clients::kv::rest::error_code::AUTHENTICATION;
use http::request::Parts;

use super::error::KvError;
use super::operation::KvOperation;
use super::request::KvRequest;
use super::{auth, operations};
use crate::body::RequestBody;
use crate::response::Response;
use crate::service::Service;

/// Handles a request. Sets `name` to the name of its operation, once it is known.
pub(crate) async fn handle(
    service: &Service,
    parts: Parts,
    body: RequestBody,
    name: &mut Option<String>,
) -> Result<Response, KvError> {
    auth::authenticate(&service.api_token, &parts.headers)?;
    let (operation, resource) = KvOperation::detect(&parts.method, parts.uri.path())?;
    *name = Some(format!("{operation:?}"));
    if resource.account_id != service.account_id {
        return Err(AUTHENTICATION.into());
    }
    let request = KvRequest::new(resource, parts, body)?;
    operations::run(operation, service, request).await
}
