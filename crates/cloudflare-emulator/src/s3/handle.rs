//! What becomes of a request: authenticate, detect the operation, screen headers and parameters, run, render.

use http::HeaderMap;
use http::request::Parts;

use super::error::S3Error;
use super::operation::S3Operation;
use super::payload::Payload;
use super::request::S3Request;
use super::resource::S3Resource;
use super::{auth, operations, screening};
use crate::body::RequestBody;
use crate::response::Response;
use crate::service::Service;
use crate::uri::Query;

/// Does what a request asks for. `name` becomes the name of its operation, once that is known.
pub(crate) async fn handle(
    service: &Service,
    mut parts: Parts,
    body: RequestBody,
    name: &mut Option<String>,
) -> Result<Response, S3Error> {
    let claimed = auth::authenticate(&mut parts, &service.signing, service.store.now())?;
    let resource = S3Resource::parse(parts.uri.path())?;
    let mut query = Query::parse(parts.uri.query().unwrap_or_default())
        .map_err(|_| S3Error::invalid_argument("The query is not valid UTF-8"))?;
    let operation = S3Operation::detect(&parts.method, &resource, &query, &parts.headers)?;
    *name = Some(format!("{operation:?}"));
    screening::screen(operation, &query, &parts.headers)?;
    query.retain(|name| operation.reads_parameter(name));
    let (bucket, key) = resource.into_names();
    let request = S3Request {
        bucket,
        key,
        query,
        payload: Payload::new(body, &claimed, &parts.headers),
        headers: headers_read_by(operation, &parts.headers),
    };
    operations::run(operation, service, request).await
}

/// The headers that the operation reads.
fn headers_read_by(operation: S3Operation, headers: &HeaderMap) -> HeaderMap {
    let mut read = HeaderMap::new();
    for (name, value) in headers.iter().filter(|(name, _)| operation.reads_header(name.as_str())) {
        read.append(name, value.clone());
    }
    read
}
