//! Paths and queries as sent, decoded exactly once.

use cloudflare_clients::sigv4::query_pairs;
use percent_encoding::percent_decode_str;

/// Error of decoding percent-encoded text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotDecodable {
    /// A `%` without two hex digits.
    Escape,
    /// The bytes are not UTF-8.
    Utf8,
}

/// Decodes percent-encoded text.
pub(crate) fn decode(raw: &str) -> Result<String, NotDecodable> {
    let bytes = raw.as_bytes();
    let broken =
        |at: usize| bytes.get(at + 1..at + 3).is_none_or(|digits| !digits.iter().all(u8::is_ascii_hexdigit));
    if bytes.iter().enumerate().any(|(at, byte)| *byte == b'%' && broken(at)) {
        return Err(NotDecodable::Escape);
    }
    percent_decode_str(raw).decode_utf8().map(Into::into).map_err(|_| NotDecodable::Utf8)
}

/// The decoded query.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(raw: &str) -> Result<Self, NotDecodable> {
        let text =
            |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| NotDecodable::Utf8);
        query_pairs(raw)
            .map(|(name, value)| Ok((text(&name)?, text(&value)?)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Keeps only the parameters with these names.
    pub(crate) fn retain(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.0.retain(|(name, _)| is_kept(name));
    }
}
