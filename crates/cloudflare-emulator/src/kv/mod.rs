//! Workers KV's REST API: authenticate, find the operation, run, render.

mod auth;
mod error;
mod eventual;
mod expiry;
mod limits;
mod operation;
mod operations;
mod request;
mod response;
mod upload;

use http::StatusCode;
use http::request::Parts;

pub(crate) use self::auth::{Token, is_bearer};
use self::error::KvError;
pub(crate) use self::eventual::Eventual;
pub use self::eventual::KvBehaviour;
use self::operation::KvOperation;
use self::request::KvRequest;
use crate::body::Slot;
use crate::response::Response;
use crate::service::Service;

/// Where Cloudflare's API begins.
pub(crate) const API: &str = "/client/v4/";

/// The answer. `name` becomes the operation's name, where the request is one.
pub(crate) async fn answer(
    service: &Service,
    parts: Parts,
    body: Slot,
    name: &mut Option<String>,
) -> Response {
    attempt(service, parts, body, name).await.unwrap_or_else(KvError::into_response)
}

/// The answer of a server with this trouble.
pub(crate) fn failure(status: StatusCode) -> Response {
    KvError::from_status(status).into_response()
}

async fn attempt(
    service: &Service,
    parts: Parts,
    body: Slot,
    name: &mut Option<String>,
) -> Result<Response, KvError> {
    auth::authenticate(&service.api_token, &parts.headers)?;
    let (operation, resource) = KvOperation::detect(&parts.method, parts.uri.path())?;
    *name = Some(format!("{operation:?}"));
    if resource.account_id != service.account_id {
        return Err(cloudflare_clients::kv::rest::error_code::AUTHENTICATION.into());
    }
    let request = KvRequest::new(resource, parts, body)?;
    operations::run(operation, service, request).await
}
