//! `POST /streaming-url`: a URL that plays a piece of content, for those who may see it.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::{Answer, Call, expires_at, expiry, json};
use crate::error::ApiError;
use crate::keys::{CreatorId, MediaId, MediaKey};
use crate::manifest::Manifest;

const DEFAULT_EXPIRY: Duration = Duration::from_secs(3600);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wanted {
    /// `{creatorId}/{mediaId}`
    content_id: String,
    expiry_seconds: Option<u64>,
}

pub(super) async fn create(call: &Call<'_>) -> Answer {
    let Wanted { content_id, expiry_seconds } = call.json().await?;
    let (creator, media) = content_id.split_once('/').ok_or_else(|| {
        ApiError::bad_request(format!("the contentId {content_id:?} is not {{creatorId}}/{{mediaId}}"))
    })?;
    let creator = CreatorId::new(creator)?;
    let manifest = MediaKey::manifest(&creator, &MediaId::new(media)?)?;

    // What is not there, not to be seen, or not as it should be answers alike.
    let found = call.app.r2.get(manifest.as_str()).await?;
    let manifest: Manifest = found.ok_or_else(ApiError::forbidden)?.json().await.map_err(|error| {
        worker::console_error!("a manifest cannot be read: {error}");
        ApiError::forbidden()
    })?;
    let key = manifest
        .content(&creator)
        .filter(|_| manifest.admits(&call.subject))
        .ok_or_else(ApiError::forbidden)?;

    let url = call.app.r2.generate_signed_url(key.as_str(), expiry(expiry_seconds, DEFAULT_EXPIRY))?;
    let answer = json!({
        "streamingUrl": url.as_str(),
        "expiresAt": expires_at(&url),
        "contentType": manifest.content_type,
    });
    json(&answer, 200)
}
