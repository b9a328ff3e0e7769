//! Playback. Players request URLs without cookies. The URL of a file is presigned; that of a playlist leads
//! to this service and has a token, because everything that the playlist names has to be signed too.

use std::time::Duration;

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderName;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use cloudflare_clients::playlist::PlaylistOptions;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::error::ApiError;
use crate::json::Json;
use crate::user::User;

/// Path prefix of all URLs of playlists.
pub(crate) const PLAYLISTS: &str = "/playlists/";

/// Suffix of the keys of playlists.
const EXTENSION: &str = ".m3u8";

/// Lifetime of URLs: long enough to watch a film with pauses.
const EXPIRY: Duration = Duration::from_secs(6 * 3600);

/// Maximum size of a playlist, in bytes.
const MAX_PLAYLIST: u64 = 8 << 20;

#[derive(Deserialize)]
pub(crate) struct Play {
    key: String,
}

/// `POST /play`: returns the URL of a file, or of the master playlist of an HLS package.
pub(crate) async fn url(
    State(app): State<App>,
    user: User,
    Json(Play { key }): Json<Play>,
) -> Result<Json<Value>, ApiError> {
    user.check_owns(&key)?;
    let url = if key.ends_with(EXTENSION) {
        app.playlists.url(&key, app.r2.runtime().now() + EXPIRY)?
    } else {
        app.r2.generate_signed_url(key, EXPIRY)?.into_string()
    };
    Ok(Json(json!({ "url": url })))
}

/// `GET /playlists/{key}?expires&token`: a playlist with presigned segments. Playlists that it names lead
/// here.
pub(crate) async fn playlist(
    State(app): State<App>,
    Path(key): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<([(HeaderName, &'static str); 3], String), ApiError> {
    let expires_at = app
        .playlists
        .verify(&key, &query.unwrap_or_default(), app.r2.runtime().now())
        .map_err(|_| ApiError::forbidden("the URL is invalid or has expired"))?;
    let playlist = app.r2.get(&key).await?.ok_or_else(|| ApiError::not_found("playlist"))?;
    let options =
        PlaylistOptions::new().expires_at(expires_at).child_url(|child| app.playlists.url(child, expires_at));
    let signed = app.r2.sign_hls_playlist(&playlist.limit(MAX_PLAYLIST).text().await?, &key, &options)?;
    let headers = [
        (CONTENT_TYPE, "application/vnd.apple.mpegurl"),
        (CACHE_CONTROL, "no-store"),
        // Players on other sites may load it too: the token in the URL is the permission.
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    Ok((headers, signed.into_string()))
}
