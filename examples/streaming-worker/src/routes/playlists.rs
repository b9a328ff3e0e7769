//! `GET /playlists/{key}`: a signed HLS playlist, DASH manifest or JSON document of HLS, for callers with a
//! URL that has not expired.
//!
//! Players request the URLs in a playlist without `Authorization`, so a token in the URL proves that it was
//! given to somebody who may see the content. `POST /streaming-url` returns the first such URL, and each
//! playlist has those of its children.

use std::time::{Duration, SystemTime};

use cloudflare_clients::playlist::{BlockingReload, PlaylistOptions, ReloadState};
use cloudflare_clients::r2::{Conditional, ObjectBody};
use cloudflare_clients::{ErrorKind, Runtime as _, WorkersRuntime};
use worker::js_sys::Reflect;
use worker::wasm_bindgen::JsValue;
use worker::{Method, Request, Response};

use super::{Answer, decoded_key, query_of};
use crate::accept_encoding::takes_gzip;
use crate::app::App;
use crate::error::ApiError;
use crate::keys::MediaKey;

/// Path prefix of this route.
pub(crate) const PATH: &str = "/playlists/";

/// Maximum size of a playlist, in bytes.
const MAX_PLAYLIST: u64 = 8 * 1024 * 1024;

/// Minimum size of a response that is compressed, in bytes.
const MIN_COMPRESSED: usize = 1024;

/// Interval at which a live playlist is read again while a player waits for its next segment.
const POLLING: Duration = Duration::from_millis(250);

const SIGNING_WINDOW: Duration = Duration::from_secs(15 * 60);

/// A format that this route signs.
#[derive(Clone, Copy)]
enum Format {
    Hls,
    /// An asset list or a steering manifest that an HLS playlist names.
    HlsJson,
    Dash,
}

impl Format {
    /// The format for the extension of a key.
    fn of(key: &MediaKey) -> Option<Self> {
        match key.as_str().rsplit_once('.')?.1 {
            "m3u8" => Some(Self::Hls),
            "json" if !key.is_metadata() => Some(Self::HlsJson),
            "mpd" => Some(Self::Dash),
            _ => None,
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Hls => "application/vnd.apple.mpegurl",
            Self::HlsJson => "application/json",
            Self::Dash => "application/dash+xml",
        }
    }
}

/// Whether a player can start with this key: a playlist or manifest, not a JSON document.
pub(super) fn is_playlist(key: &MediaKey) -> bool {
    matches!(Format::of(key), Some(Format::Hls | Format::Dash))
}

/// The path and query of the URL of a playlist.
pub(super) fn path(app: &App, key: &MediaKey, expires_at: SystemTime) -> Result<String, ApiError> {
    Ok(app.playlists.url(key.as_str(), expires_at)?)
}

pub(super) async fn get(app: &App, request: &Request, path: &str) -> Answer {
    if !matches!(request.method(), Method::Get | Method::Head) {
        return Err(ApiError::method_not_allowed("GET, HEAD"));
    }
    let key = decoded_key(path)?;
    let now = WorkersRuntime.now();
    let query = query_of(request);
    let token = app.playlists.verify(key.as_str(), &query, now);
    let expires_at = token.map_err(|_| ApiError::forbidden())?;
    let format = Format::of(&key).ok_or_else(|| ApiError::not_found("playlist"))?;
    let text = stored(app, &key, BlockingReload::from_query(&query)?).await?;
    if expires_at <= WorkersRuntime.now() {
        return Err(ApiError::forbidden());
    }
    // Segments live as long as the URL of the playlist, so a film does not stop in the middle. A live playlist
    // that is read again has the same URLs, so no segment is loaded twice.
    let mut options = PlaylistOptions::new()
        .expires_at(expires_at)
        .signing_window(SIGNING_WINDOW)
        .child_url(|child| app.playlists.url(child, expires_at));
    if let Some(window) = app.dvr_window {
        options = options.dvr_window(window);
    }
    let signed = match format {
        Format::Hls => app.r2.sign_hls_playlist(&text, key.as_str(), &options),
        Format::HlsJson => app.r2.sign_hls_json(&text, key.as_str(), &options),
        Format::Dash => app.r2.sign_dash_manifest(&text, key.as_str(), &options),
    };
    let signed = signed.map_err(|error| match error.kind() {
        ErrorKind::InvalidInput => ApiError::unprocessable(error.message()),
        _ => error.into(),
    })?;
    answer(request, signed.into_string(), format.content_type())
}

/// The text of a playlist, once it has the segment that the player waits for.
async fn stored(app: &App, key: &MediaKey, reload: Option<BlockingReload>) -> Result<String, ApiError> {
    let begin = WorkersRuntime.now();
    let found = app.r2.get(key.as_str()).await?;
    let (mut etag, mut text) = read(found).await?;
    let Some(reload) = reload else { return Ok(text) };
    loop {
        let longest = match reload.state(&text) {
            ReloadState::Ready => return Ok(text),
            ReloadState::Wait(longest) => longest,
            _ => {
                let message = "_HLS_msn and _HLS_part ask for a segment too far ahead of the playlist";
                return Err(ApiError::bad_request(message));
            }
        };
        loop {
            if WorkersRuntime.now().duration_since(begin).unwrap_or_default() >= longest {
                return Err(ApiError::not_yet());
            }
            WorkersRuntime.sleep(POLLING).await;
            let newer = Conditional::new().etag_does_not_match(&etag);
            match app.r2.get(key.as_str()).only_if(newer).await {
                Err(error) if error.kind() == ErrorKind::NotModified => {}
                found => {
                    (etag, text) = read(found?).await?;
                    break;
                }
            }
        }
    }
}

/// The etag and text of a playlist.
async fn read(found: Option<ObjectBody>) -> Result<(String, String), ApiError> {
    let found = found.ok_or_else(|| ApiError::not_found("playlist"))?;
    let etag = found.etag.clone();
    Ok((etag, found.decoded()?.limit(MAX_PLAYLIST).text().await?))
}

fn answer(request: &Request, text: String, content_type: &str) -> Answer {
    let compressed = text.len() >= MIN_COMPRESSED && takes_gzip(&accepted_encodings(request)?);
    let response = Response::from_bytes(text.into_bytes())?;
    let headers = response.headers();
    if compressed {
        // The runtime compresses a response with this header.
        headers.set("content-encoding", "gzip")?;
    }
    headers.append("vary", "Accept-Encoding")?;
    headers.set("content-type", content_type)?;
    headers.set("cache-control", "no-store")?;
    headers.set("x-content-type-options", "nosniff")?;
    Ok(response)
}

/// The client's own `Accept-Encoding`, which Cloudflare [passes
/// separately](https://developers.cloudflare.com/workers/runtime-apis/request/#incomingrequestcfproperties):
/// the header lists what Cloudflare can convert.
fn accepted_encodings(request: &Request) -> Result<String, ApiError> {
    let property = |object: &JsValue, name: &str| Reflect::get(object, &name.into());
    let cf = property(request.inner(), "cf").unwrap_or_default();
    let clients = property(&cf, "clientAcceptEncoding").ok().and_then(|accepted| accepted.as_string());
    match clients {
        Some(accepted) => Ok(accepted),
        None => Ok(request.headers().get("accept-encoding")?.unwrap_or_default()),
    }
}
