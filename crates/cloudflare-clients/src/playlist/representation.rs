//! The properties by which representations are chosen.

/// A representation of a DASH manifest, for [`PlaylistOptions::representations`]. Its values come from the
/// representation itself or from its `AdaptationSet`.
///
/// [`PlaylistOptions::representations`]: super::PlaylistOptions::representations
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Representation<'a> {
    /// The `id`, unique in its period.
    pub id: Option<&'a str>,
    /// The bandwidth, in bits per second.
    pub bandwidth: Option<u64>,
    /// The width of video, in pixels.
    pub width: Option<u32>,
    /// The height of video, in pixels.
    pub height: Option<u32>,
    /// The MIME type of the segments, such as `video/mp4`.
    pub mime_type: Option<&'a str>,
    /// The codecs, as in the parameter of a MIME type, such as `avc1.4d401f`.
    pub codecs: Option<&'a str>,
    /// `video`, `audio`, `text` or another type, if the `AdaptationSet` has one.
    pub content_type: Option<&'a str>,
    /// The language of the `AdaptationSet`, such as `en`.
    pub language: Option<&'a str>,
}
