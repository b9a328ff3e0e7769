//! What a representation is chosen by.

/// A representation of a DASH manifest, to be chosen by [`PlaylistOptions::representations`]: what it says itself, or its
/// `AdaptationSet` says for it.
///
/// [`PlaylistOptions::representations`]: super::PlaylistOptions::representations
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Representation<'a> {
    /// Its `id`, which no other of its period has.
    pub id: Option<&'a str>,
    /// In bits per second.
    pub bandwidth: Option<u64>,
    /// In pixels, of video.
    pub width: Option<u32>,
    /// In pixels, of video.
    pub height: Option<u32>,
    /// Of its segments, such as `video/mp4`.
    pub mime_type: Option<&'a str>,
    /// As in a MIME type's parameter, such as `avc1.4d401f`.
    pub codecs: Option<&'a str>,
    /// `video`, `audio`, `text` or another, where the `AdaptationSet` says it.
    pub content_type: Option<&'a str>,
    /// Of the `AdaptationSet`, such as `en`.
    pub language: Option<&'a str>,
}
