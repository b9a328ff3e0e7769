//! The URLs that references are relative to: the manifest, and the `BaseURL`s of its levels.

use std::borrow::Cow;

use super::quoted::quoted;
use crate::playlist::reference::{Resolved, Resolver, folder_of, has_scheme};
use crate::{Error, Result};

/// The base or the target of a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// An object or a folder of the bucket, by its key.
    Bucket(String),
    /// An absolute URL of another host.
    Elsewhere(String),
}

/// Maximum length of a reference, in bytes. An encoded key and a query, which is dropped, fit.
pub(super) const MAX_REFERENCE: usize = 4096;

impl Place {
    /// Resolves `reference` against this place. Does not check the prefix, which applies only to objects that
    /// are signed.
    pub(super) fn follow(&self, reference: &str, resolver: &Resolver<'_>) -> Result<Self> {
        if reference.len() > MAX_REFERENCE {
            return Err(Error::invalid_input(format!(
                "a reference has {} bytes: the limit is {MAX_REFERENCE}",
                reference.len()
            )));
        }
        if reference.split(['?', '#']).next().is_none_or(str::is_empty) {
            return Ok(self.clone());
        }
        let (base, reference) = match self {
            Self::Bucket(key) => (key.as_str(), Cow::Borrowed(reference)),
            Self::Elsewhere(_) if is_absolute(reference) => ("", Cow::Borrowed(reference)),
            Self::Elsewhere(url) => ("", Cow::Owned(joined(url, reference)?)),
        };
        match resolver.follow(base, &reference)? {
            Resolved::Object(key) => Self::Bucket(key),
            Resolved::Elsewhere => Self::Elsewhere(reference.into_owned()),
        }
        .checked()
    }

    /// Limits the length, because the place is repeated for every segment.
    fn checked(self) -> Result<Self> {
        match &self {
            Self::Bucket(text) | Self::Elsewhere(text) if text.len() > MAX_REFERENCE => {
                Err(Error::invalid_input(format!("a URL has more than {MAX_REFERENCE} bytes")))
            }
            _ => Ok(self),
        }
    }
}

fn is_absolute(reference: &str) -> bool {
    reference.starts_with("//") || has_scheme(reference)
}

/// Resolves a reference against the URL of another host. The client resolves its dot segments.
fn joined(url: &str, reference: &str) -> Result<String> {
    let host = url.find("//").map(|slashes| slashes + 2).ok_or_else(|| {
        Error::invalid_input(format!(
            "a reference cannot be relative to the BaseURL {}, which has no host",
            quoted(url)
        ))
    })?;
    let end = url[host..].find(['?', '#']).map_or(url.len(), |at| host + at);
    let path = url[host..end].find('/').map_or(end, |slash| host + slash);
    if reference.starts_with('/') {
        return Ok([&url[..path], reference].concat());
    }
    let folder = folder_of(&url[path..end]);
    Ok([&url[..path], if folder.is_empty() { "/" } else { folder }, reference].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    const RESOLVER: Resolver<'_> =
        Resolver { origin: "https://media.example.com", bucket_path: "/bucket/", prefix: "c/" };

    fn followed(references: &[&str]) -> Result<Place> {
        let start = Place::Bucket("c/v/manifest.mpd".to_owned());
        references.iter().try_fold(start, |place, reference| place.follow(reference, &RESOLVER))
    }

    #[test]
    fn base_urls_nest() {
        for (references, expected) in [
            (&[][..], "c/v/manifest.mpd"),
            (&["video/", "1080p/", "a.mp4"], "c/v/video/1080p/a.mp4"),
            (&["video", "a.mp4"], "c/v/a.mp4"),
            (&["../", "./", "x/../a.mp4"], "c/a.mp4"),
            (&["https://media.example.com/bucket/c/w/", "a.mp4"], "c/w/a.mp4"),
            (&["https://media.example.com/bucket/", "c/a.mp4"], "c/a.mp4"),
            (&["https://media.example.com", "bucket/c/a.mp4"], "c/a.mp4"),
            (&["https://cdn.example/x/", "https://media.example.com/bucket/c/", "a.mp4"], "c/a.mp4"),
            (&["video/", "", "?x=1", "a.mp4?old"], "c/v/video/a.mp4"),
            (&["../../../../../d/", "a.mp4"], "d/a.mp4"),
        ] {
            assert_eq!(followed(references).unwrap(), Place::Bucket(expected.to_owned()), "{references:?}");
        }
    }

    #[test]
    fn urls_of_other_hosts_stay_there() {
        for (references, expected) in [
            (&["https://cdn.example/x/y?z", "a.mp4?q"][..], "https://cdn.example/x/a.mp4?q"),
            (&["https://cdn.example/x/", "/a.mp4"], "https://cdn.example/a.mp4"),
            (&["https://cdn.example", "a.mp4"], "https://cdn.example/a.mp4"),
            (&["https://cdn.example?a/b", "a.mp4"], "https://cdn.example/a.mp4"),
            (&["//cdn.example/x/", "y/", "a.mp4"], "//cdn.example/x/y/a.mp4"),
            (&["https://cdn.example/a.mp4?q", ""], "https://cdn.example/a.mp4?q"),
            (&["video/", "data:video/mp4;base64,AAAA"], "data:video/mp4;base64,AAAA"),
        ] {
            assert_eq!(
                followed(references).unwrap(),
                Place::Elsewhere(expected.to_owned()),
                "{references:?}"
            );
        }
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        let long = "a".repeat(MAX_REFERENCE + 1);
        let folder = format!("{}/", &long[..MAX_REFERENCE - 2]);
        for (references, why) in [
            (
                &["data:,", "a.mp4"][..],
                "a reference cannot be relative to the BaseURL \"data:,\", which has no host",
            ),
            (&["a\u{0}b"], "a reference has a control character"),
            (&["https://cdn.example/", "a\nb"], "a reference has a control character"),
            (&["x%2F..%2Fa"], "\"x%2F..%2Fa\" hides a dot segment"),
            (&[&long], "a reference has 4097 bytes: the limit is 4096"),
            (&[&folder, "video/"], "a URL has more than 4096 bytes"),
        ] {
            let error = followed(references).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{references:?}");
            assert!(error.message().contains(why), "{references:?}: {error}");
        }
    }
}
