//! Resolves references in a playlist to keys of objects.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::error::{Error, Result};
use crate::signing::url_signer::UrlSigner;

/// The target of a reference.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Resolved {
    /// The object with this key.
    Object(String),
    /// Another host, or data in the reference itself.
    Elsewhere,
}

/// Resolves references according to [RFC 3986](https://www.rfc-editor.org/rfc/rfc3986#section-5), except that
/// a base is a key and is used unchanged: dot segments are resolved only in the reference.
#[derive(Debug)]
pub(crate) struct Resolver<'a> {
    /// The scheme and host of the bucket.
    pub(crate) origin: &'a str,
    /// The path of the bucket at its host, ending with `/`.
    pub(crate) bucket_path: &'a str,
    /// The prefix that every key must have.
    pub(crate) prefix: &'a str,
}

/// Returns the part of a key up to its last `/`.
pub(crate) fn folder_of(key: &str) -> &str {
    &key[..key.rfind('/').map_or(0, |slash| slash + 1)]
}

impl<'a> Resolver<'a> {
    /// Resolves references into the bucket that `signer` signs for, below `prefix`.
    pub(crate) fn new(signer: &'a UrlSigner, prefix: &'a str) -> Self {
        Self { origin: signer.origin(), bucket_path: signer.bucket_path(), prefix }
    }

    /// Returns the target of `reference` in the document with the key `base`, if it may be signed.
    pub(crate) fn resolve(&self, base: &str, reference: &str) -> Result<Resolved> {
        let target = self.follow(base, reference)?;
        if let Resolved::Object(key) = &target {
            self.check(key)?;
        }
        Ok(target)
    }

    /// Returns the target of `reference` in the document with the key `base`, anywhere in the bucket.
    pub(crate) fn follow(&self, base: &str, reference: &str) -> Result<Resolved> {
        if reference.chars().any(char::is_control) {
            return Err(Error::invalid_input("a reference has a control character"));
        }
        let Some(path) = self.path(reference) else { return Ok(Resolved::Elsewhere) };
        if path.is_empty() {
            return Err(Error::invalid_input("a reference has no path, so it does not name an object"));
        }
        let (base, path) = match path.strip_prefix('/') {
            Some(path) => ("", path),
            None => (folder_of(base), path),
        };
        Ok(Resolved::Object(join(base, path)?))
    }

    /// Checks that the key may be signed.
    pub(crate) fn check(&self, key: &str) -> Result<()> {
        if key.starts_with(self.prefix) {
            return Ok(());
        }
        Err(Error::invalid_input(format!(
            "{key:?} lies outside {:?}: a playlist may only name objects below its prefix, which `PlaylistOptions::prefix` sets",
            self.prefix
        )))
    }

    /// Returns the path of a reference into the bucket, without query and fragment. An absolute path starts
    /// at the bucket's root.
    fn path<'r>(&self, reference: &'r str) -> Option<&'r str> {
        let path = |reference: &'r str| reference.split(['?', '#']).next().unwrap_or_default();
        if reference.starts_with("//") {
            return None;
        }
        if !has_scheme(reference) {
            return Some(path(reference));
        }
        // Scheme and host are case-insensitive.
        let (origin, rest) = reference.split_at_checked(self.origin.len())?;
        if !origin.eq_ignore_ascii_case(self.origin) {
            return None;
        }
        let inside = path(rest).strip_prefix(self.bucket_path)?;
        // Keep the `/` before it: the path starts at the bucket's root.
        Some(&path(rest)[path(rest).len() - inside.len() - 1..])
    }
}

/// Whether the reference starts with a scheme.
pub(crate) fn has_scheme(reference: &str) -> bool {
    let end = reference.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')));
    end.is_some_and(|end| {
        reference[end..].starts_with(':') && reference.starts_with(|c: char| c.is_ascii_alphabetic())
    })
}

fn join(base: &str, path: &str) -> Result<String> {
    let mut key = String::with_capacity(base.len() + path.len());
    key.push_str(base);
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        match dots(segment) {
            1 => {}
            2 => key.truncate(folder_of(key.strip_suffix('/').unwrap_or_default()).len()),
            _ => {
                key.push_str(&decoded(segment)?);
                if segments.peek().is_some() {
                    key.push('/');
                }
            }
        }
    }
    Ok(key)
}

/// Returns the number of dots of a segment that consists of dots only, or 0.
fn dots(segment: &str) -> usize {
    let mut rest = segment;
    let mut count = 0;
    while !rest.is_empty() {
        let encoded = rest.get(..3).is_some_and(|dot| dot.eq_ignore_ascii_case("%2e"));
        rest = match rest.strip_prefix('.') {
            Some(rest) => rest,
            None if encoded => &rest[3..],
            None => return 0,
        };
        count += 1;
    }
    count
}

fn decoded(segment: &str) -> Result<Cow<'_, str>> {
    let decoded = percent_decode_str(segment)
        .decode_utf8()
        .map_err(|_| Error::invalid_input(format!("{segment:?} is not UTF-8 after percent-decoding")))?;
    if decoded.contains('/') && decoded.split('/').any(|part| part == "." || part == "..") {
        return Err(Error::invalid_input(format!(
            "{segment:?} hides a dot segment: players resolve it, and the signature would not match"
        )));
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESOLVER: Resolver<'_> =
        Resolver { origin: "https://media.example.com", bucket_path: "/bucket/", prefix: "c/" };

    fn key(reference: &str) -> String {
        match RESOLVER.resolve("c/hls/v/video.m3u8", reference).unwrap() {
            Resolved::Object(key) => key,
            Resolved::Elsewhere => "elsewhere".to_owned(),
        }
    }

    fn error(reference: &str) -> String {
        RESOLVER.resolve("c/hls/v/video.m3u8", reference).unwrap_err().to_string()
    }

    #[test]
    fn references_are_relative_to_the_folder_of_their_playlist() {
        for (reference, expected) in [
            ("a.ts", "c/hls/v/a.ts"),
            ("./a.ts", "c/hls/v/a.ts"),
            ("x/../a.ts", "c/hls/v/a.ts"),
            ("../a.ts", "c/hls/a.ts"),
            ("..%2Fa.ts", "error"),
            ("%2e%2E/.%2e/a.ts", "c/a.ts"),
            ("x//a.ts", "c/hls/v/x//a.ts"),
            ("...", "c/hls/v/..."),
            ("/c/a.ts", "c/a.ts"),
            ("/../c/a.ts", "c/a.ts"),
            ("a.ts?X-Amz-Signature=1#2", "c/hls/v/a.ts"),
            ("a%20b.ts", "c/hls/v/a b.ts"),
            ("a%2520b.ts", "c/hls/v/a%20b.ts"),
            ("a%2", "c/hls/v/a%2"),
            ("a+b c.ts", "c/hls/v/a+b c.ts"),
            ("%C3%A9.ts", "c/hls/v/é.ts"),
            ("x/a:b.ts", "c/hls/v/x/a:b.ts"),
            ("1:b.ts", "c/hls/v/1:b.ts"),
            ("HTTPS://Media.Example.com/bucket/c/a.ts?old", "c/a.ts"),
            ("https://media.example.com/bucket/c/x/../a.ts", "c/a.ts"),
            ("https://media.example.com/other/c/a.ts", "elsewhere"),
            ("https://media.example.com.evil/bucket/c/a.ts", "elsewhere"),
            ("http://media.example.com/bucket/c/a.ts", "elsewhere"),
            ("//media.example.com/bucket/c/a.ts", "elsewhere"),
            ("data:text/plain;base64,AAAA", "elsewhere"),
            ("skd://key", "elsewhere"),
        ] {
            if expected != "error" {
                assert_eq!(key(reference), expected, "{reference}");
            }
        }
    }

    #[test]
    fn nothing_leaves_the_prefix() {
        for reference in [
            "../../../d/a.ts",
            "/d/a.ts",
            "/c",
            "/",
            "../../..",
            "/c/../d/a.ts",
            "https://media.example.com/bucket/d",
        ] {
            assert!(error(reference).contains("lies outside \"c/\""), "{reference}: {}", error(reference));
        }
        for reference in ["", "?a", "#a", "a%FF.ts", "a\u{0}b", "..%2Fa.ts", "x%2F..%2F..%2Fd/a.ts"] {
            error(reference);
        }
    }

    #[test]
    fn dots_of_the_base_are_no_dots() {
        let resolver = Resolver { prefix: "", ..RESOLVER };
        let key = |reference| resolver.resolve("a/../b/p.m3u8", reference).unwrap();
        assert_eq!(key("s.ts"), Resolved::Object("a/../b/s.ts".to_owned()));
        assert_eq!(key("../s.ts"), Resolved::Object("a/../s.ts".to_owned()));
        assert_eq!(key("../../../../s.ts"), Resolved::Object("s.ts".to_owned()));
    }
}
