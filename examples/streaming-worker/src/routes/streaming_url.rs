//! `POST /streaming-url`: a URL that plays a piece of content, for callers who may see it. For playlists it
//! leads to the Worker, which signs them; for everything else it is a presigned URL of R2.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloudflare_clients::{Runtime as _, WorkersRuntime};
use serde::Deserialize;
use serde_json::json;

use super::{Answer, Call, MAX_JSON, expires_at, expiry, iso_8601, json, origin_of, playlists};
use crate::error::ApiError;
use crate::keys::{CreatorId, MediaId, MediaKey};
use crate::manifest::Manifest;

const DEFAULT_EXPIRY: Duration = Duration::from_secs(3600);

/// Maximum lifetime of a presigned URL.
const MAX_EXPIRY: Duration = Duration::from_secs(7 * 86_400);

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

    // The response is the same for missing, forbidden and malformed manifests.
    let found = call.app.r2.get(manifest.as_str()).await?;
    let manifest: Manifest =
        found.ok_or_else(ApiError::forbidden)?.limit(MAX_JSON).json().await.map_err(|error| {
            worker::console_error!("a manifest cannot be read: {error}");
            ApiError::forbidden()
        })?;
    let key = manifest
        .content(&creator)
        .filter(|_| manifest.admits(&call.subject))
        .ok_or_else(ApiError::forbidden)?;

    let expiry = expiry(expiry_seconds, DEFAULT_EXPIRY);
    let (url, expires_at) = if playlists::is_playlist(&key) {
        let expires_at = validated_expiry(expiry)?;
        (origin_of(call.request) + &playlists::path(call.app, &key, expires_at)?, iso_8601(expires_at))
    } else {
        let url = call.app.r2.generate_signed_url(key.as_str(), expiry)?;
        let expires_at = expires_at(&url);
        (url.into_string(), expires_at)
    };
    let answer =
        json!({ "streamingUrl": url, "expiresAt": expires_at, "contentType": manifest.content_type });
    json(&answer, 200)
}

/// The time at which a URL of this lifetime expires, in whole seconds.
fn validated_expiry(expiry: Duration) -> Result<SystemTime, ApiError> {
    if !(Duration::from_secs(1)..=MAX_EXPIRY).contains(&expiry) {
        return Err(ApiError::bad_request(
            "expirySeconds has to be 1 to 604800: a URL lives for at most 7 days",
        ));
    }
    let now = WorkersRuntime.now();
    let second = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Ok(UNIX_EPOCH + Duration::from_secs(second) + expiry)
}
