//! `/uploads`: multipart uploads through the Worker.

use cloudflare_clients::r2::{Body, MultipartUpload, UploadedPart};
use serde::Deserialize;
use serde_json::json;

use super::{Answer, Call, json, no_content};
use crate::error::ApiError;
use crate::keys::MediaKey;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Start {
    key: String,
    content_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Complete {
    key: String,
    upload_id: String,
    parts: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Part {
    part_number: u16,
    etag: String,
}

pub(super) async fn start(call: &Call<'_>) -> Answer {
    let Start { key, content_type } = call.json().await?;
    let key = call.owned(MediaKey::parse(&key)?)?;
    let upload = call.app.r2.create_multipart_upload(key.as_str()).content_type(content_type).await?;
    json(&json!({ "key": key.as_str(), "uploadId": upload.upload_id() }), 201)
}

pub(super) async fn part(call: &Call<'_>) -> Answer {
    let upload = upload(call)?;
    let number = call.needed("partNumber")?;
    let number = number.parse().map_err(|_| {
        ApiError::bad_request(format!("the partNumber {number:?} is not a number from 1 to 10,000"))
    })?;
    let part = upload.upload_part(number, Body::from_worker_request(call.request)?).await?;
    json(&json!({ "partNumber": part.part_number, "etag": part.etag }), 200)
}

pub(super) async fn complete(call: &Call<'_>) -> Answer {
    let Complete { key, upload_id, parts } = call.json().await?;
    let key = call.owned(MediaKey::parse(&key)?)?;
    let parts = parts.into_iter().map(|Part { part_number, etag }| UploadedPart::new(part_number, etag));
    let stored = call.app.r2.resume_multipart_upload(key.as_str(), upload_id).complete(parts).await?;
    json(&json!({ "key": key.as_str(), "etag": stored.etag, "size": stored.size }), 200)
}

pub(super) async fn abort(call: &Call<'_>) -> Answer {
    upload(call)?.abort().await?;
    no_content()
}

/// The upload of the query parameters `key` and `uploadId`.
fn upload(call: &Call<'_>) -> Result<MultipartUpload, ApiError> {
    let key = call.owned(MediaKey::parse(&call.needed("key")?)?)?;
    Ok(call.app.r2.resume_multipart_upload(key.as_str(), call.needed("uploadId")?))
}
