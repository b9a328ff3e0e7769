//! A signed playlist.

use std::fmt;
use std::time::SystemTime;

/// A signed playlist: anyone who has it can read the objects that it lists, until it expires.
///
/// Treat it as a secret. It has no `Display`, and `Debug` omits its text. Send it with `Cache-Control:
/// no-store`, or with `private` if a [signing window](super::PlaylistOptions::signing_window) keeps its URLs
/// stable.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedPlaylist {
    pub(super) text: String,
    expires_at: SystemTime,
    url_count: usize,
}

impl SignedPlaylist {
    pub(super) fn new(text: String, expires_at: SystemTime, url_count: usize) -> Self {
        Self { text, expires_at, url_count }
    }

    /// Returns the text of the playlist.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the text of the playlist.
    pub fn into_string(self) -> String {
        self.text
    }

    /// Returns when its presigned URLs expire.
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }

    /// Returns how many references were replaced.
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
