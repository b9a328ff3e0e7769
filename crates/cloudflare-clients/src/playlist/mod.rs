//! Playlists for private video: every segment's reference becomes a presigned URL.
//!
//! A presigned URL of a playlist alone plays nothing, since the segments behind it need signatures of their own.
//! [`R2SigningClient::sign_hls_playlist`](crate::r2::R2SigningClient::sign_hls_playlist) and
//! [`sign_dash_manifest`](crate::r2::R2SigningClient::sign_dash_manifest) give the playlist with all of them in it; the player then
//! reads the segments straight from R2. Nothing here does any I/O.
//!
//! A DASH manifest names every segment of every representation, and so grows by half a kilobyte for each:
//! [`PlaylistOptions::representations`] chooses those that a viewer may need. An HLS multivariant ("master") playlist names other
//! playlists, and those have to be signed in their turn when a player asks for them: [`PlaylistOptions::child_url`] says where,
//! and a [`TokenRoute`] makes URLs for a route of yours.

mod dash;
mod hls;
mod reference;
mod representation;
mod token;

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) use self::reference::Resolver;
pub use self::representation::Representation;
pub use self::token::TokenRoute;
use crate::r2::R2SigningClient;
use crate::s3::endpoint::validate_key;
use crate::{Error, Result};

type ChildUrl<'a> = dyn Fn(&str) -> Result<String> + Send + Sync + 'a;
type Choice<'a> = dyn Fn(&Representation<'_>) -> bool + Send + Sync + 'a;

/// How a playlist is signed.
///
/// ```
/// use std::time::Duration;
/// use cloudflare_clients::playlist::PlaylistOptions;
///
/// let options = PlaylistOptions::new()
///     .expires_in(Duration::from_secs(4 * 3600))
///     .prefix("creator-123/hls/media-456/");
/// # let _ = options;
/// ```
#[must_use]
pub struct PlaylistOptions<'a> {
    expires_in: Duration,
    signing_window: Duration,
    prefix: Option<String>,
    child_url: Option<Box<ChildUrl<'a>>>,
    representations: Option<Box<Choice<'a>>>,
    max_urls: usize,
    max_line: usize,
    max_manifest: usize,
}

impl<'a> PlaylistOptions<'a> {
    /// URLs that are good for an hour, below the first folder of the playlist's key.
    pub fn new() -> Self {
        Self {
            expires_in: Duration::from_hours(1),
            signing_window: Duration::ZERO,
            prefix: None,
            child_url: None,
            representations: None,
            max_urls: 20_000,
            max_line: 16 * 1024,
            max_manifest: 4 * 1024 * 1024,
        }
    }

    /// How long the URLs are good, in whole seconds from 1 to 604,800 (7 days); an hour by default. It has to cover the time
    /// that a film is watched, pauses included: players read a film's playlist once.
    pub fn expires_in(mut self, expires_in: Duration) -> Self {
        self.expires_in = expires_in;
        self
    }

    /// Signs as of the beginning of a window of this length, so that all who ask within it get the same URLs, and the caches of
    /// browsers and CDNs hit. By default there is none: URLs change every second.
    ///
    /// It costs lifetime: a URL that is asked for at the end of the window has lived through it already, so it is good for
    /// [`expires_in`](Self::expires_in) less the window at least. With 15 minutes of an hour, that is 45 minutes. The window has
    /// to be shorter than the expiry.
    pub fn signing_window(mut self, window: Duration) -> Self {
        self.signing_window = window;
        self
    }

    /// What the key of every object has to begin with: nothing outside is signed, whatever the playlist says. It ends with
    /// `/`, or is empty to allow the whole bucket.
    ///
    /// By default it is the first folder of the playlist's key (`creator-123/` of `creator-123/hls/media-456/video.m3u8`). A
    /// playlist at the root of the bucket lies in no folder but the root itself, so give a prefix for those unless all that is
    /// in the bucket is theirs.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// The URL that answers the playlist of a key, signed: a route of yours, such as one that [`TokenRoute`] makes URLs for.
    /// Needed for playlists that name others: `EXT-X-STREAM-INF`, `EXT-X-MEDIA`, `EXT-X-I-FRAME-STREAM-INF` and
    /// `EXT-X-RENDITION-REPORT`. It is called for each of them.
    pub fn child_url(mut self, url: impl Fn(&str) -> Result<String> + Send + Sync + 'a) -> Self {
        self.child_url = Some(Box::new(url));
        self
    }

    /// Which representations of a DASH manifest are signed: those for which `choose` is true, and all by default. The others are
    /// left out, as is an `AdaptationSet` without any. For a period that has none left, signing fails.
    ///
    /// A film of two hours has some 1,200 segments, each with a URL of some 500 bytes: six representations make 3 MB.
    ///
    /// ```
    /// use cloudflare_clients::playlist::PlaylistOptions;
    ///
    /// let up_to_720p = PlaylistOptions::new().representations(|it| it.height.is_none_or(|height| height <= 720));
    /// # let _ = up_to_720p;
    /// ```
    pub fn representations(
        mut self,
        choose: impl Fn(&Representation<'_>) -> bool + Send + Sync + 'a,
    ) -> Self {
        self.representations = Some(Box::new(choose));
        self
    }

    /// The most URLs that are made for one playlist: 20,000 by default.
    pub fn max_urls(mut self, urls: usize) -> Self {
        self.max_urls = urls;
        self
    }

    /// The longest line of an HLS playlist, in bytes: 16,384 by default.
    pub fn max_line(mut self, bytes: usize) -> Self {
        self.max_line = bytes;
        self
    }

    /// The longest DASH manifest, in bytes: 4 MiB by default.
    pub fn max_manifest(mut self, bytes: usize) -> Self {
        self.max_manifest = bytes;
        self
    }

    fn prefix_for<'k>(&'k self, key: &'k str) -> Result<&'k str> {
        let Some(prefix) = &self.prefix else {
            return Ok(&key[..key.find('/').map_or(0, |slash| slash + 1)]);
        };
        if prefix.is_empty() || prefix.ends_with('/') {
            return Ok(prefix);
        }
        Err(Error::invalid_input(format!(
            "the prefix {prefix:?} has to end with \"/\", or it would allow folders whose names merely begin so"
        )))
    }

    /// The time to sign at.
    fn signing_time(&self, now: SystemTime) -> Result<SystemTime> {
        if self.signing_window.is_zero() {
            return Ok(now);
        }
        let window = self.signing_window.as_secs();
        if self.signing_window.subsec_nanos() != 0 || self.signing_window >= self.expires_in {
            return Err(Error::invalid_input(format!(
                "the signing window of {:?} has to be whole seconds and shorter than the expiry of {:?}",
                self.signing_window, self.expires_in
            )));
        }
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Ok(UNIX_EPOCH + Duration::from_secs(now - now % window))
    }
}

impl Default for PlaylistOptions<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for PlaylistOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlaylistOptions")
            .field("expires_in", &self.expires_in)
            .field("signing_window", &self.signing_window)
            .field("prefix", &self.prefix)
            .field("child_url", &self.child_url.as_ref().map(|_| ".."))
            .field("representations", &self.representations.as_ref().map(|_| ".."))
            .field("max_urls", &self.max_urls)
            .field("max_line", &self.max_line)
            .field("max_manifest", &self.max_manifest)
            .finish()
    }
}

/// A playlist that plays: whoever has it can read what it lists, until it expires.
///
/// Treat it as a secret: it has no `Display`, and `Debug` leaves its text out. Answer it with `Cache-Control: no-store`, or
/// `private` where a [signing window](PlaylistOptions::signing_window) makes its URLs last.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedPlaylist {
    text: String,
    expires_at: SystemTime,
    url_count: usize,
}

impl SignedPlaylist {
    fn new(text: String, expires_at: SystemTime, url_count: usize) -> Self {
        Self { text, expires_at, url_count }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its text.
    pub fn into_string(self) -> String {
        self.text
    }

    /// When its presigned URLs stop working.
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }

    /// How many references were replaced.
    pub fn url_count(&self) -> usize {
        self.url_count
    }
}

impl fmt::Debug for SignedPlaylist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedPlaylist")
            .field("bytes", &self.text.len())
            .field("expires_at", &self.expires_at)
            .field("url_count", &self.url_count)
            .finish()
    }
}

pub(crate) fn sign_hls(
    client: &R2SigningClient,
    text: &str,
    key: &str,
    options: &PlaylistOptions<'_>,
    now: SystemTime,
) -> Result<SignedPlaylist> {
    let sign = || {
        validate_key(key)?;
        client.with_url_signer(options.expires_in, options.signing_time(now)?, |signer| {
            hls::sign(text, key, options, signer)
        })
    };
    sign().map_err(|error| error.during("sign_hls_playlist", Some(key)))
}

pub(crate) fn sign_dash(
    client: &R2SigningClient,
    text: &str,
    key: &str,
    options: &PlaylistOptions<'_>,
    now: SystemTime,
) -> Result<SignedPlaylist> {
    let sign = || {
        validate_key(key)?;
        client.with_url_signer(options.expires_in, options.signing_time(now)?, |signer| {
            dash::sign(text, key, options, signer)
        })
    };
    sign().map_err(|error| error.during("sign_dash_manifest", Some(key)))
}

fn at_line(number: usize, error: &Error) -> Error {
    Error::invalid_input(format!("line {number}: {}", error.message()))
}

#[cfg(test)]
mod testing;
