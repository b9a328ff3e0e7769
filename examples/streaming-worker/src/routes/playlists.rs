//! `GET /playlists/{key}`: an HLS playlist whose segments are presigned, for whoever has a URL of it that is still good.
//!
//! Players follow the URLs that they find in playlists and send no `Authorization` with them, so a token in the URL says that
//! somebody who may see the content was given it: `POST /streaming-url` gives the first one, and every playlist those of its
//! children.

use std::time::{Duration, SystemTime};

use cloudflare_clients::playlist::PlaylistOptions;
use cloudflare_clients::{ErrorKind, Runtime as _, WorkersRuntime};
use worker::{Method, Response};

use super::{Answer, decoded_key, query_of};
use crate::app::App;
use crate::error::ApiError;
use crate::keys::MediaKey;

/// The path that all URLs of this route begin with.
pub(crate) const PATH: &str = "/playlists/";

/// The largest playlist.
const MAX_PLAYLIST: u64 = 8 * 1024 * 1024;

const SIGNING_WINDOW: Duration = Duration::from_mins(15);

/// What a key has to end with.
const EXTENSION: &str = ".m3u8";

pub(super) fn is_playlist(key: &MediaKey) -> bool {
    key.as_str().ends_with(EXTENSION)
}

/// The path and query of a playlist's URL.
pub(super) fn path(app: &App, key: &MediaKey, expires_at: SystemTime) -> Result<String, ApiError> {
    Ok(app.playlists.url(key.as_str(), expires_at)?)
}

pub(super) async fn get(app: &App, request: &worker::Request, path: &str) -> Answer {
    if !matches!(request.method(), Method::Get | Method::Head) {
        return Err(ApiError::method_not_allowed("GET, HEAD"));
    }
    let key = decoded_key(path)?;
    let now = WorkersRuntime.now();
    let token = app.playlists.verify(key.as_str(), &query_of(request), now);
    let expires_at = token.map_err(|_| ApiError::forbidden())?;
    if !is_playlist(&key) {
        return Err(ApiError::not_found("playlist"));
    }
    let found = app.r2.get(key.as_str()).await?.ok_or_else(|| ApiError::not_found("playlist"))?;
    let text = found.limit(MAX_PLAYLIST).text().await?;
    // Its URLs live as long as its own, so that a film does not end in the middle. A live playlist that is read again has the same
    // ones, so that no segment is loaded twice.
    let options = PlaylistOptions::new()
        .expires_at(expires_at)
        .signing_window(SIGNING_WINDOW)
        .child_url(|child| app.playlists.url(child, expires_at));
    let signed =
        app.r2.sign_hls_playlist(&text, key.as_str(), &options).map_err(|error| match error.kind() {
            ErrorKind::InvalidInput => ApiError::unprocessable(error.message()),
            _ => error.into(),
        })?;
    let response = Response::from_bytes(signed.into_string().into_bytes())?;
    let headers = response.headers();
    headers.set("content-type", "application/vnd.apple.mpegurl")?;
    headers.set("cache-control", "no-store")?;
    headers.set("x-content-type-options", "nosniff")?;
    Ok(response)
}
