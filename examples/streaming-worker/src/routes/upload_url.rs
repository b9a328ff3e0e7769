//! `POST /upload-url`: a presigned URL to upload directly to R2, without the size limit of requests to a
//! Worker.

use std::time::Duration;

use cloudflare_clients::http::Method;
use serde::Deserialize;
use serde_json::{Map, json};

use super::{Answer, Call, expires_at, expiry, json};
use crate::keys::MediaKey;

const DEFAULT_EXPIRY: Duration = Duration::from_secs(600);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wanted {
    key: String,
    content_type: String,
    content_length: Option<u64>,
    expiry_seconds: Option<u64>,
}

pub(super) async fn create(call: &Call<'_>) -> Answer {
    let wanted: Wanted = call.json().await?;
    let key = call.owned(MediaKey::parse(&wanted.key)?)?;
    let mut presign = call.app.r2.presign(Method::PUT, key.as_str())?;
    let mut headers = Map::new();
    presign = presign.content_type(&wanted.content_type);
    headers.insert("content-type".to_owned(), wanted.content_type.into());
    if let Some(length) = wanted.content_length {
        presign = presign.content_length(length);
        headers.insert("content-length".to_owned(), length.to_string().into());
    }
    let url = presign.expires_in(expiry(wanted.expiry_seconds, DEFAULT_EXPIRY)).sign()?;
    let answer = json!({
        "uploadUrl": url.as_str(),
        "method": "PUT",
        "headers": headers,
        "key": key.as_str(),
        "expiresAt": expires_at(&url),
    });
    json(&answer, 200)
}
