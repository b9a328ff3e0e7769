//! `GET /playlists/{key}`: an HLS playlist whose segments are presigned, for whoever has a URL of it that is still good.
//!
//! Players follow the URLs that they find in playlists and send no `Authorization` with them, so a token in the URL says that
//! somebody who may see the content was given it: `POST /streaming-url` gives the first one, and every playlist those of its
//! children.

use std::time::{Duration, SystemTime};

use cloudflare_clients::playlist::PlaylistOptions;
use cloudflare_clients::{ErrorKind, Runtime as _, WorkersRuntime};
use worker::js_sys::Reflect;
use worker::wasm_bindgen::JsValue;
use worker::{Method, Request, Response};

use super::{Answer, decoded_key, query_of};
use crate::accept_encoding::takes_gzip;
use crate::app::App;
use crate::error::ApiError;
use crate::keys::MediaKey;

/// The path that all URLs of this route begin with.
pub(crate) const PATH: &str = "/playlists/";

/// The largest playlist.
const MAX_PLAYLIST: u64 = 8 * 1024 * 1024;

/// The smallest answer that is compressed.
const MIN_COMPRESSED: usize = 1024;

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

pub(super) async fn get(app: &App, request: &Request, path: &str) -> Answer {
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
    let text = found.decoded()?.limit(MAX_PLAYLIST).text().await?;
    // Its URLs live as long as its own, so that a film does not end in the middle. A live playlist that is read again has the same
    // ones, so that no segment is loaded twice.
    let mut options = PlaylistOptions::new()
        .expires_at(expires_at)
        .signing_window(SIGNING_WINDOW)
        .child_url(|child| app.playlists.url(child, expires_at));
    if let Some(window) = app.dvr_window {
        options = options.dvr_window(window);
    }
    let signed =
        app.r2.sign_hls_playlist(&text, key.as_str(), &options).map_err(|error| match error.kind() {
            ErrorKind::InvalidInput => ApiError::unprocessable(error.message()),
            _ => error.into(),
        })?;
    answer(request, signed.into_string())
}

fn answer(request: &Request, text: String) -> Answer {
    let compressed = text.len() >= MIN_COMPRESSED && takes_gzip(&accepted_encodings(request)?);
    let response = Response::from_bytes(text.into_bytes())?;
    let headers = response.headers();
    if compressed {
        // The runtime compresses what says so.
        headers.set("content-encoding", "gzip")?;
    }
    headers.append("vary", "Accept-Encoding")?;
    headers.set("content-type", "application/vnd.apple.mpegurl")?;
    headers.set("cache-control", "no-store")?;
    headers.set("x-content-type-options", "nosniff")?;
    Ok(response)
}

/// What the client accepts, which Cloudflare
/// [keeps apart](https://developers.cloudflare.com/workers/runtime-apis/request/#incomingrequestcfproperties): the header has what
/// Cloudflare can convert.
fn accepted_encodings(request: &Request) -> Result<String, ApiError> {
    let property = |object: &JsValue, name: &str| Reflect::get(object, &name.into());
    let cf = property(request.inner(), "cf").unwrap_or_default();
    let clients = property(&cf, "clientAcceptEncoding").ok().and_then(|accepted| accepted.as_string());
    match clients {
        Some(accepted) => Ok(accepted),
        None => Ok(request.headers().get("accept-encoding")?.unwrap_or_default()),
    }
}
