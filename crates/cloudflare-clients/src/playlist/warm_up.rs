//! Signing before anybody asks for it.

use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use super::{PlaylistOptions, SignedPlaylist, TokenRoute};
use crate::error::Result;
use crate::r2::{R2SigningClient, R2SigningConfig};

/// As many as a film of two hours has: after so many, V8 knows that hashing is worth its better compiler.
const SEGMENTS: usize = 1200;

/// Signs a made-up HLS playlist, with made-up keys and at a made-up time, so that a Worker's first request need not wait for
/// that code to be compiled: V8 compiles each function when it is called first.
///
/// Call it when the isolate starts. It takes about 10 ms of the [second](https://developers.cloudflare.com/workers/platform/limits/#worker-startup-time)
/// that a Worker has for that, and the CPU time of requests does not count it. Elsewhere it is of no use.
///
/// ```
/// # /*
/// #[worker::event(start)]
/// # */
/// fn start() {
///     cloudflare_clients::playlist::warm_up();
/// }
/// # start();
/// ```
pub fn warm_up() {
    let signed = sign();
    debug_assert!(signed.is_ok(), "nothing of it depends on what is outside: {signed:?}");
}

fn sign() -> Result<SignedPlaylist> {
    let made_up = "0123456789abcdef0123456789abcdef";
    let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let expires_at = now + Duration::from_hours(1);
    let key = "creator/hls/media/playlist.m3u8";
    let route = TokenRoute::new("/playlists/", made_up)?;
    let url = route.url(key, expires_at)?;
    route.verify(key, url.split_once('?').map_or("", |(_, query)| query), now)?;

    let mut text = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n".to_owned();
    for segment in 0..SEGMENTS {
        // Text has room for any number.
        let _ = writeln!(text, "#EXTINF:6.0,\nsegment_{segment:05}.ts");
    }
    let client = R2SigningClient::new(R2SigningConfig::new(made_up, made_up, made_up, "media"))?;
    let options = PlaylistOptions::new().expires_at(expires_at).signing_window(Duration::from_mins(15));
    client.at(now).sign_hls_playlist(&text, key, &options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_playlist_is_signed() {
        assert_eq!(sign().unwrap().url_count(), SEGMENTS);
    }
}
