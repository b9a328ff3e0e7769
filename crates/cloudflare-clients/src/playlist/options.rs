//! How a playlist is signed.

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
    /// URLs that are good for an hour, below the first folder of the playlist's key.
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

    /// How long the URLs are good, in whole seconds from 1 to 604,800 (7 days); an hour by default. It has to cover the time
    /// that a film is watched, pauses included: players read a film's playlist once.
    pub fn expires_in(mut self, expires_in: Duration) -> Self {
        self.expiry = Expiry::In(expires_in);
        self
    }

    /// When the URLs stop working, in place of [`expires_in`](Self::expires_in): in 7 days at most, and cut to whole seconds. A route
    /// whose own URLs expire gives what it signs the same end.
    pub fn expires_at(mut self, expires_at: SystemTime) -> Self {
        self.expiry = Expiry::At(expires_at);
        self
    }

    /// Signs as of the beginning of a window of this length, so that all who ask within it get the same URLs, and the caches of
    /// browsers and CDNs hit. Of a live playlist that is read again, only what is new changes. By default there is no window: URLs
    /// change every second.
    ///
    /// With [`expires_in`](Self::expires_in) it costs lifetime: a URL that is asked for at the end of the window has lived through it
    /// already, so it is good for the expiry less the window at least. With 15 minutes of an hour, that is 45 minutes. The
    /// window has to be shorter than the expiry. With [`expires_at`](Self::expires_at) it costs nothing, and URLs are the same for
    /// those with the same end.
    pub fn signing_window(mut self, window: Duration) -> Self {
        self.signing_window = window;
        self
    }

    /// What the key of every object has to begin with: nothing outside is signed, whatever the playlist says. It ends with
    /// `/`, or is empty to allow the whole bucket, and it is in the form of [`normalize_key`].
    ///
    /// By default it is the first folder of the playlist's key (`creator-123/` of `creator-123/hls/media-456/video.m3u8`). A
    /// playlist at the root of the bucket lies in no folder, so it needs a prefix.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// The URL that answers the playlist of a key, signed: a route of yours, such as one that
    /// [`TokenRoute`](super::TokenRoute) makes URLs for. Needed for playlists that name others, or asset
    /// lists and steering manifests, which the route answers by
    /// [`sign_hls_json`](crate::r2::R2SigningClient::sign_hls_json): the
    /// [module](super#the-uris-of-an-hls-playlist) lists the tags. It is called for each of them.
    ///
    /// Players add parameters to these URLs, all of whose names begin with `_HLS_`, and those of
    /// [`BlockingReload`](super::BlockingReload) are for the route.
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

    /// How far back a viewer of a live stream can seek: of a playlist or manifest that is still growing, only the segments of this
    /// last time are signed and listed. By default, all that it lists are.
    ///
    /// At least three segments and three target durations remain, as [RFC
    /// 8216](https://www.rfc-editor.org/rfc/rfc8216#section-6.2.2) asks for. `EXT-X-PLAYLIST-TYPE:EVENT` is
    /// left out, which forbids to shorten a playlist. What ends the stream (`EXT-X-ENDLIST`) makes it a film,
    /// which is not shortened: viewers get all of it then, and its `EXT-X-MEDIA-SEQUENCE` is the first one
    /// again. A delta update is not shortened either. For DASH, see [there](super#live-dash).
    ///
    /// A day of segments of six seconds makes 5 MB for every reload, and ten minutes make 50 KB.
    pub fn dvr_window(mut self, window: Duration) -> Self {
        self.dvr_window = Some(window);
        self
    }

    /// The value of a variable that an HLS playlist takes from outside: from its URL (`EXT-X-DEFINE:QUERYPARAM`), or from the
    /// multivariant playlist that names it (`EXT-X-DEFINE:IMPORT`). A variable that no reference uses needs no value.
    ///
    /// The signed playlist defines it by this value, which has neither a quote nor a control character, so
    /// that the URL by which a player loads the playlist need not have the parameter.
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), value.into());
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

    pub(super) fn prefix_for<'k>(&'k self, key: &'k str) -> Result<&'k str> {
        let prefix = match (&self.prefix, key.find('/')) {
            (Some(prefix), _) => prefix,
            (None, Some(slash)) => &key[..=slash],
            (None, None) => {
                return Err(Error::invalid_input(
                    "a playlist at the root of the bucket lies in no folder: `PlaylistOptions::prefix` sets what the \
                     keys that may be signed begin with, and an empty one allows all of the bucket",
                ));
            }
        };
        if !prefix.is_empty() && !prefix.ends_with('/') {
            return Err(Error::invalid_input(format!(
                "the prefix {prefix:?} has to end with \"/\", or it would allow folders whose names merely begin so"
            )));
        }
        let normalized = normalize_key(prefix);
        if normalized != prefix {
            return Err(Error::invalid_input(format!(
                "the prefix {prefix:?} is not in Unicode's form NFC: R2 takes it for that of another folder, {normalized:?}"
            )));
        }
        Ok(prefix)
    }

    /// How long the URLs are good for whoever gets them, at least.
    pub(super) fn least_life(&self, now: SystemTime) -> Duration {
        match self.expiry {
            Expiry::In(expires_in) => expires_in.saturating_sub(self.signing_window),
            Expiry::At(end) => end.duration_since(now).unwrap_or_default(),
        }
    }

    /// The time to sign at, and how long the URLs are good from then on.
    pub(super) fn signing_time(&self, now: SystemTime) -> Result<(SystemTime, Duration)> {
        let (now, window) = (to_seconds(now), self.signing_window);
        if window.subsec_nanos() != 0 {
            return Err(Error::invalid_input(format!(
                "the signing window has to be whole seconds, and {window:?} is not"
            )));
        }
        let begin = now - now.checked_rem(window.as_secs()).unwrap_or(0);
        let expires_in = match self.expiry {
            Expiry::In(expires_in) if !window.is_zero() && window >= expires_in => {
                return Err(Error::invalid_input(format!(
                    "the signing window of {window:?} has to be shorter than the expiry of {expires_in:?}"
                )));
            }
            Expiry::In(expires_in) => expires_in,
            Expiry::At(end) => {
                let left = to_seconds(end).checked_sub(now).filter(|left| *left > 0).ok_or_else(|| {
                    Error::invalid_input("the time at which the URLs are to expire has passed")
                })?;
                let left = Duration::from_secs(left);
                // From the beginning of the window it may be longer than a URL can live, by a part of the window.
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
