//! The tags with URIs, and how their URIs are replaced.

/// The kind of a playlist, determined by its tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Media,
    Multivariant,
}

/// The target of a URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// An object, whose URL is presigned.
    Object,
    /// A playlist, served by a route.
    Playlist,
    /// A JSON document. Players add parameters to its URL, so it is served by a route too.
    Json,
}

#[derive(Debug)]
pub(super) struct Tag {
    pub(super) name: &'static str,
    /// The only kind of playlist that can have the tag, where players agree on it.
    pub(super) kind: Option<Kind>,
    /// The attributes that are URIs. An attribute without a name is everything after the colon.
    pub(super) uris: &'static [(&'static str, Target)],
}

const fn tag(name: &'static str, kind: Option<Kind>, uris: &'static [(&'static str, Target)]) -> Tag {
    Tag { name, kind, uris }
}

const MEDIA: Option<Kind> = Some(Kind::Media);
const MULTIVARIANT: Option<Kind> = Some(Kind::Multivariant);

/// The tags that determine the kind of a playlist or have a URI. The documentation of the module lists them.
#[rustfmt::skip]
pub(super) static TAGS: &[Tag] = &[
    tag("EXTINF", MEDIA, &[]),
    tag("EXT-X-BYTERANGE", MEDIA, &[]),
    tag("EXT-X-MAP", MEDIA, &[("URI", Target::Object)]),
    tag("EXT-X-KEY", MEDIA, &[("URI", Target::Object)]),
    tag("EXT-X-PART", MEDIA, &[("URI", Target::Object)]),
    tag("EXT-X-PRELOAD-HINT", MEDIA, &[("URI", Target::Object)]),
    tag("EXT-X-PREFETCH", None, &[("", Target::Object)]),
    tag("EXT-X-TWITCH-PREFETCH", None, &[("", Target::Object)]),
    tag("EXT-X-SESSION-KEY", MULTIVARIANT, &[("URI", Target::Object)]),
    tag("EXT-X-SESSION-DATA", None, &[("URI", Target::Object)]),
    tag("EXT-X-STREAM-INF", MULTIVARIANT, &[]),
    tag("EXT-X-MEDIA", MULTIVARIANT, &[("URI", Target::Playlist)]),
    tag("EXT-X-I-FRAME-STREAM-INF", MULTIVARIANT, &[("URI", Target::Playlist)]),
    tag("EXT-X-IMAGE-STREAM-INF", None, &[("URI", Target::Playlist)]),
    tag("EXT-X-RENDITION-REPORT", MEDIA, &[("URI", Target::Playlist)]),
    tag("EXT-X-DATERANGE", None, &[("X-ASSET-URI", Target::Playlist), ("X-ASSET-LIST", Target::Json), ("X-URI", Target::Json)]),
    tag("EXT-X-CONTENT-STEERING", None, &[("SERVER-URI", Target::Json)]),
];

pub(super) fn find(name: &str) -> Option<&'static Tag> {
    TAGS.iter().find(|tag| tag.name == name)
}
