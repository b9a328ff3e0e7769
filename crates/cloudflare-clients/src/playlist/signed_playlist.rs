//! A signed playlist.

use std::fmt;
use std::time::SystemTime;

/// A playlist that plays: whoever has it can read what it lists, until it expires.
///
/// Treat it as a secret: it has no `Display`, and `Debug` leaves its text out. Answer it with `Cache-Control: no-store`, or
/// `private` where a [signing window](super::PlaylistOptions::signing_window) makes its URLs last.
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
