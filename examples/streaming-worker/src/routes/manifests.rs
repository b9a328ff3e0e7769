//! `/manifests/{creatorId}/{mediaId}`: manifests, which their owners write and read.

use serde::Deserialize;
use serde_json::json;

use super::{Answer, Call, MAX_JSON, decoded, json};
use crate::error::ApiError;
use crate::keys::{CreatorId, MediaId, MediaKey};
use crate::manifest::Manifest;

/// A manifest without its owner, who is the caller.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    key: String,
    #[serde(rename = "type")]
    content_type: String,
    #[serde(default)]
    viewers: Vec<String>,
}

fn key_of(call: &Call<'_>, creator: &str, media: &str) -> Result<(CreatorId, MediaKey), ApiError> {
    let creator = CreatorId::new(decoded(creator)?)?;
    let key = call.owned(MediaKey::manifest(&creator, &MediaId::new(decoded(media)?)?)?)?;
    Ok((creator, key))
}

pub(super) async fn get(call: &Call<'_>, creator: &str, media: &str) -> Answer {
    let (_, key) = key_of(call, creator, media)?;
    let object = call.app.r2.get(key.as_str()).await?.ok_or_else(|| ApiError::not_found("manifest"))?;
    let etag = object.http_etag();
    let manifest: Manifest = object.limit(MAX_JSON).json().await?;
    let response = json(&manifest, 200)?;
    response.headers().set("etag", &etag)?;
    Ok(response)
}

pub(super) async fn put(call: &Call<'_>, creator: &str, media: &str) -> Answer {
    let (creator, key) = key_of(call, creator, media)?;
    let Content { key: content, content_type, viewers } = call.json().await?;
    let manifest = Manifest { key: content, content_type, owner: creator.as_str().to_owned(), viewers };
    if manifest.content(&creator).is_none() {
        let message = format!("the key {:?} is not in a folder of {:?}", manifest.key, creator.as_str());
        return Err(ApiError::bad_request(message));
    }
    let stored = call.app.r2.put_json(key.as_str(), &manifest).await?;
    let response = json(&json!({ "key": key.as_str(), "etag": stored.etag }), 201)?;
    response.headers().set("etag", &stored.http_etag())?;
    Ok(response)
}
