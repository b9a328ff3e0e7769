//! Options for signing playlists.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::representation::Representation;
use crate::error::{Error, Result};
use crate::model::r2::normalize_key;
use crate::sigv4::MAX_EXPIRES_IN;
use crate::time::to_seconds;

type ChildUrl<'a> = dyn Fn(&str) -> Result<String> + Send + Sync + 'a;
type Choice<'a> = dyn Fn(&Representation<'_>) -> bool + Send + Sync + 'a;

/// Options for signing playlists.
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
    expiry: Expiry,
    signing_window: Duration,
    prefix: Option<String>,
    pub(super) child_url: Option<Box<ChildUrl<'a>>>,
    pub(super) representations: Option<Box<Choice<'a>>>,
    pub(super) dvr_window: Option<Duration>,
    pub(super) variables: HashMap<String, String>,
    pub(super) max_urls: usize,
    pub(super) max_line: usize,
    pub(super) max_manifest: usize,
}

#[derive(Debug, Clone, Copy)]
enum Expiry {
    In(Duration),
    At(SystemTime),
}

impl<'a> PlaylistOptions<'a> {
    /// Creates options with URLs that are valid for an hour, for keys in the first folder of the playlist's
    /// key.
    pub fn new() -> Self {
        Self {
            expiry: Expiry::In(Duration::from_secs(3600)),
            signing_window: Duration::ZERO,
            prefix: None,
            child_url: None,
            representations: None,
            dvr_window: None,
            variables: HashMap::new(),
            max_urls: 20_000,
            max_line: 16 * 1024,
            max_manifest: 4 * 1024 * 1024,
        }
    }

    /// Sets how long the URLs are valid, in whole seconds from 1 to 604,800 (7 days). Default: 1 hour.
    /// Players read the playlist of a film once, so this must cover the time for which it is watched,
    /// including pauses.
    pub fn expires_in(mut self, expires_in: Duration) -> Self {
        self.expiry = Expiry::In(expires_in);
        self
    }

    /// Sets when the URLs expire, instead of [`expires_in`](Self::expires_in): within 7 days, cut to whole
    /// seconds. Use it in a route whose own URLs expire, to give what it signs the same end.
    pub fn expires_at(mut self, expires_at: SystemTime) -> Self {
        self.expiry = Expiry::At(expires_at);
        self
    }

    /// Signs as of the start of a time window of this length. All requests within the window get the same
    /// URLs, so browser and CDN caches hit, and a reloaded live playlist changes only where it has new
    /// segments. Whole seconds. Default: no window; URLs change every second.
    ///
    /// With [`expires_in`](Self::expires_in) the window shortens the validity: a URL requested at the end of
    /// the window is valid for the expiry minus the window. With a window of 15 minutes and an expiry of one
    /// hour, that is 45 minutes. The window must be shorter than the expiry. With
    /// [`expires_at`](Self::expires_at) it costs nothing, and requests with the same end get the same URLs.
    pub fn signing_window(mut self, window: Duration) -> Self {
        self.signing_window = window;
        self
    }

    /// Sets the prefix of the keys that may be signed. References to other objects are rejected, whatever the
    /// playlist contains. The prefix ends with `/`, or is empty to allow the whole bucket, and has the form
    /// of [`normalize_key`].
    ///
    /// Default: the first folder of the playlist's key (`creator-123/` of
    /// `creator-123/hls/media-456/video.m3u8`). A playlist at the root of the bucket is not in a folder and
    /// needs a prefix.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Sets a function that returns the URL at which the signed playlist of a key is served: a route of your
    /// service, for example one with URLs of a [`TokenRoute`](super::TokenRoute). Required for playlists that
    /// name other playlists, asset lists or steering manifests. The route signs the last two with
    /// [`sign_hls_json`](crate::r2::R2SigningClient::sign_hls_json). The
    /// [module](super#the-uris-of-an-hls-playlist) lists the tags. The function is called for each such
    /// reference.
    ///
    /// Players add parameters to these URLs, whose names all start with `_HLS_`. The route handles those of
    /// [`BlockingReload`](super::BlockingReload).
    pub fn child_url(mut self, url: impl Fn(&str) -> Result<String> + Send + Sync + 'a) -> Self {
        self.child_url = Some(Box::new(url));
        self
    }

    /// Sets which representations of a DASH manifest are signed: those for which `choose` returns true.
    /// Default: all. The others are removed, and so is an `AdaptationSet` without any. Signing fails if a
    /// period has none left.
    ///
    /// A two-hour film has about 1,200 segments with URLs of about 500 bytes each: six representations make 3
    /// MB.
    ///
    /// ```
    /// use cloudflare_clients::playlist::PlaylistOptions;
    ///
    /// let up_to_720p =
    ///     PlaylistOptions::new().representations(|it| it.height.is_none_or(|height| height <= 720));
    /// # let _ = up_to_720p;
    /// ```
    pub fn representations(
        mut self,
        choose: impl Fn(&Representation<'_>) -> bool + Send + Sync + 'a,
    ) -> Self {
        self.representations = Some(Box::new(choose));
        self
    }

    /// Sets how far back viewers of a live stream can seek: only the segments of this last period are signed
    /// and listed. Applies to playlists and manifests that are still growing. Default: all listed segments.
    ///
    /// At least three segments and three target durations remain, as [RFC
    /// 8216](https://www.rfc-editor.org/rfc/rfc8216#section-6.2.2) requires. `EXT-X-PLAYLIST-TYPE:EVENT` is
    /// removed, because it forbids shortening a playlist. When a stream has ended (`EXT-X-ENDLIST`), its
    /// playlist is no longer shortened: viewers get all of it, and its `EXT-X-MEDIA-SEQUENCE` is the first
    /// one again. A delta update is not shortened either. For DASH, see [live DASH](super#live-dash).
    ///
    /// A day of six-second segments makes 5 MB for every reload; ten minutes make 50 KB.
    pub fn dvr_window(mut self, window: Duration) -> Self {
        self.dvr_window = Some(window);
        self
    }

    /// Sets the value of a variable that an HLS playlist takes from outside: from its URL
    /// (`EXT-X-DEFINE:QUERYPARAM`), or from the multivariant playlist that names it (`EXT-X-DEFINE:IMPORT`).
    /// A variable that no reference uses needs no value.
    ///
    /// The signed playlist defines the variable with this value, so the URL with which a player loads the
    /// playlist does not need the parameter. The value must not contain a quote or a control character.
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Sets the maximum number of URLs in one playlist. Default: 20,000.
    pub fn max_urls(mut self, urls: usize) -> Self {
        self.max_urls = urls;
        self
    }

    /// Sets the maximum length of a line of an HLS playlist, in bytes. Default: 16,384.
    pub fn max_line(mut self, bytes: usize) -> Self {
        self.max_line = bytes;
        self
    }

    /// Sets the maximum size of a DASH manifest or an HLS JSON document, in bytes. Default: 4 MiB.
    pub fn max_manifest(mut self, bytes: usize) -> Self {
        self.max_manifest = bytes;
        self
    }

    pub(super) fn prefix_for<'k>(&'k self, key: &'k str) -> Result<&'k str> {
        let prefix = match (&self.prefix, key.find('/')) {
            (Some(prefix), _) => prefix,
            (None, Some(slash)) => &key[..=slash],
            (None, None) => {
                return Err(Error::invalid_input(
                    "a playlist at the root of the bucket is not in a folder: set the prefix of the keys that may be signed with \
                     `PlaylistOptions::prefix`; an empty one allows the whole bucket",
                ));
            }
        };
        if !prefix.is_empty() && !prefix.ends_with('/') {
            return Err(Error::invalid_input(format!(
                "the prefix {prefix:?} must end with \"/\": otherwise it would also allow folders whose names start with it"
            )));
        }
        let normalized = normalize_key(prefix);
        if normalized != prefix {
            return Err(Error::invalid_input(format!(
                "the prefix {prefix:?} is not in the Unicode form NFC: R2 treats it as another folder, {normalized:?}"
            )));
        }
        Ok(prefix)
    }

    /// Returns for how long the URLs are valid at least when a client receives them.
    pub(super) fn least_life(&self, now: SystemTime) -> Duration {
        match self.expiry {
            Expiry::In(expires_in) => expires_in.saturating_sub(self.signing_window),
            Expiry::At(end) => end.duration_since(now).unwrap_or_default(),
        }
    }

    /// Returns the time to sign at, and how long the URLs are valid from then on.
    pub(super) fn signing_time(&self, now: SystemTime) -> Result<(SystemTime, Duration)> {
        let (now, window) = (to_seconds(now), self.signing_window);
        if window.subsec_nanos() != 0 {
            return Err(Error::invalid_input(format!(
                "the signing window must be whole seconds, but it is {window:?}"
            )));
        }
        let begin = now - now.checked_rem(window.as_secs()).unwrap_or(0);
        let expires_in = match self.expiry {
            Expiry::In(expires_in) if !window.is_zero() && window >= expires_in => {
                return Err(Error::invalid_input(format!(
                    "the signing window of {window:?} must be shorter than the expiry of {expires_in:?}"
                )));
            }
            Expiry::In(expires_in) => expires_in,
            Expiry::At(end) => {
                let left = to_seconds(end)
                    .checked_sub(now)
                    .filter(|left| *left > 0)
                    .ok_or_else(|| Error::invalid_input("the expiry time of the URLs has passed"))?;
                let left = Duration::from_secs(left);
                // From the start of the window it may exceed the maximum validity by a part of the window.
                let from_begin = left + Duration::from_secs(now - begin);
                if left > MAX_EXPIRES_IN { left } else { from_begin.min(MAX_EXPIRES_IN) }
            }
        };
        Ok((UNIX_EPOCH + Duration::from_secs(begin), expires_in))
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
            .field("expiry", &self.expiry)
            .field("signing_window", &self.signing_window)
            .field("prefix", &self.prefix)
            .field("child_url", &self.child_url.as_ref().map(|_| ".."))
            .field("representations", &self.representations.as_ref().map(|_| ".."))
            .field("dvr_window", &self.dvr_window)
            .field("variables", &self.variables.keys())
            .field("max_urls", &self.max_urls)
            .field("max_line", &self.max_line)
            .field("max_manifest", &self.max_manifest)
            .finish()
    }
}
