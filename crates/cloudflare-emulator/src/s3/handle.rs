//! Handling of a request: authenticate, detect the operation, screen headers and parameters, authorize, run
//! it, render the answer.

use http::HeaderMap;
use http::request::Parts;
use http::uri::Scheme;

use super::auth::Authenticated;
use super::authorize::authorize;
use super::error::S3Error;
use super::known_error::TOO_MANY_REQUESTS;
use super::operation::S3Operation;
use super::payload::Payload;
use super::request::S3Request;
use super::resource::S3Resource;
use super::signed_chunks::SignedChunks;
use super::{auth, operations, screening};
use crate::body::RequestBody;
use crate::response::Response;
use crate::service::Service;
use crate::uri::Query;

/// Handles a request. Sets `name` to the name of its operation, once it is known.
pub(crate) async fn handle(
    service: &Service,
    scheme: Scheme,
    mut parts: Parts,
    body: RequestBody,
    name: &mut Option<String>,
) -> Result<Response, S3Error> {
    // Over TLS, which R2 always uses, no client needs them.
    let takes_chunks = scheme == Scheme::HTTP && !service.r2_behaviour.refuses_chunks;
    let Authenticated { auth, credentials, access } = auth::authenticate(&mut parts, service, takes_chunks)?;
    let in_host = service.virtual_hosts.bucket_of(&parts.headers);
    let is_virtual_hosted = in_host.is_some();
    let resource = S3Resource::parse(in_host, parts.uri.path())?;
    let mut query = Query::parse(parts.uri.query().unwrap_or_default())
        .map_err(|_| S3Error::invalid_argument("The query is not valid UTF-8"))?;
    let operation = S3Operation::detect(&parts.method, &resource, &query, &parts.headers)?;
    *name = Some(format!("{operation:?}"));
    let chunks = SignedChunks::take(&auth, &credentials, operation, &mut parts.headers)?;
    screening::screen(operation, &query, &parts.headers)?;
    query.retain(|name| operation.reads_parameter(name));
    if chunks.is_some() {
        service.chunking_clients.warn_once(&parts.headers);
    }
    let (bucket, key) = resource.into_names();
    let request = S3Request {
        scheme,
        is_virtual_hosted,
        bucket,
        key,
        query,
        payload: Payload::new(body, auth.payload(), chunks, &parts.headers),
        headers: headers_read_by(operation, &parts.headers),
        access,
    };
    authorize(operation, &request)?;
    limited(operation, service, request).await
}

/// Runs an operation, unless it writes to a key too soon after the previous write.
async fn limited(operation: S3Operation, service: &Service, request: S3Request) -> Result<Response, S3Error> {
    let now = service.store.now();
    let written = operation.replaces_object().then(|| (request.bucket.clone(), request.key.clone()));
    if written.as_ref().is_some_and(|(bucket, key)| !service.writes.admits(bucket, key, now)) {
        return Err(TOO_MANY_REQUESTS.into());
    }
    let outcome = operations::run(operation, service, request).await;
    if let (Err(_), Some((bucket, key))) = (&outcome, written) {
        service.writes.forget(&bucket, &key, now);
    }
    outcome
}

/// Returns the headers that the operation reads.
fn headers_read_by(operation: S3Operation, headers: &HeaderMap) -> HeaderMap {
    let mut read = HeaderMap::new();
    for (name, value) in headers.iter().filter(|(name, _)| operation.reads_header(name.as_str())) {
        read.append(name, value.clone());
    }
    read
}
