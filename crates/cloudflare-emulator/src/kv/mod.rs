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

use http::request::Parts;

pub(crate) use self::auth::{Token, is_bearer};
use self::error::KvError;
pub(crate) use self::eventual::Eventual;
pub use self::eventual::KvBehaviour;
use self::operation::KvOperation;
use self::request::KvRequest;
use crate::body::RequestBody;
use crate::response::Response;
use crate::service::Service;

/// Where Cloudflare's API begins.
pub(crate) const API: &str = "/client/v4/";

/// Does what a request asks for. `name` becomes the name of its operation, once that is known.
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
        return Err(cloudflare_clients::kv::rest::error_code::AUTHENTICATION.into());
    }
    let request = KvRequest::new(resource, parts, body)?;
    operations::run(operation, service, request).await
}
