//! [Temporary credentials through Cloudflare's
//! API](https://developers.cloudflare.com/api/resources/r2/subresources/temporary_credentials/methods/create/)
//! without I/O.

use http::{HeaderValue, Method, Uri, header};
use serde::{Deserialize, Serialize};

use super::kv_rest::{ApiToken, Envelope};
use crate::body::Body;
use crate::error::{Error, Result};
use crate::json;
use crate::signing::endpoint::Endpoint;
use crate::transport::headers::value;

/// The result in the API's answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Created {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) session_token: String,
}

/// Creates the request for an account, below the URL of an API.
pub(crate) fn request(
    api: &Endpoint,
    account_id: &str,
    token: &ApiToken,
    body: &impl Serialize,
) -> Result<http::Request<Body>> {
    let body = json::to_vec("the request", body)?;
    let (host, path) = (api.host_for(None)?, api.path_for(None, None)?);
    let path = format!("{}/accounts/{account_id}/r2/temp-access-credentials", path.trim_end_matches('/'));
    let uri = Uri::builder().scheme(api.scheme()).authority(host.as_str()).path_and_query(path);
    let invalid = |error| Error::invalid_input("the URL of the request is not valid").with_source(error);
    let mut request = http::Request::new(Body::empty());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri.build().map_err(invalid)?;
    let headers = request.headers_mut();
    headers.insert(header::HOST, value("host", &host)?);
    headers.insert(header::AUTHORIZATION, token.to_header()?);
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CONTENT_LENGTH, body.len().into());
    *request.body_mut() = body.into();
    Ok(request)
}

/// Parses the body of a success.
pub(crate) fn parse(body: &[u8]) -> Result<Created> {
    Envelope::parse(body)?.result.ok_or_else(|| Error::unexpected("the answer has no result"))
}
