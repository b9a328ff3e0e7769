//! The tags that have URIs, and what becomes of those.

/// What a playlist lists: what is in it says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Media,
    Multivariant,
}

/// What a URI leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// An object, whose URL is presigned.
    Object,
    /// A playlist, which a route answers.
    Playlist,
    /// A document of JSON to whose URL players add parameters, so that a route answers it too.
    Json,
}

#[derive(Debug)]
pub(super) struct Tag {
    pub(super) name: &'static str,
    /// The only kind of playlist that it may stand in, where players leave no doubt.
    pub(super) kind: Option<Kind>,
    /// The attributes that are URIs; one without a name is all that stands behind the colon.
    pub(super) uris: &'static [(&'static str, Target)],
}

const fn tag(name: &'static str, kind: Option<Kind>, uris: &'static [(&'static str, Target)]) -> Tag {
    Tag { name, kind, uris }
}

const MEDIA: Option<Kind> = Some(Kind::Media);
const MULTIVARIANT: Option<Kind> = Some(Kind::Multivariant);

/// The tags that say of which kind a playlist is, or have a URI. The module's documentation shows them.
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
