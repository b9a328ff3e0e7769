//! What a request is about: the bucket, the key and the query, from the target as it was sent.

use cloudflare_clients::sigv4::query_pairs;
use http::StatusCode;
use percent_encoding::percent_decode_str;

use crate::error::S3Error;

const MAX_KEY: usize = 1024;

/// The bucket and key of a path. Each is decoded exactly once; `.`, `..` and empty segments are bytes of the key like
/// any other.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) bucket: Option<String>,
    pub(crate) key: Option<String>,
}

impl Target {
    pub(crate) fn parse(raw_path: &str) -> Result<Self, S3Error> {
        let path = raw_path.strip_prefix('/').ok_or_else(|| S3Error::known("RouteNotFound"))?;
        let (bucket, key) = match path.split_once('/') {
            Some((bucket, key)) => (bucket, (!key.is_empty()).then_some(key)),
            None => (path, None),
        };
        if bucket.is_empty() && key.is_none() {
            return Ok(Self::default());
        }
        let bucket = decode(bucket)?;
        if !is_bucket_name(&bucket) {
            return Err(S3Error::known("InvalidBucketName"));
        }
        let key = key.map(object_key).transpose()?;
        Ok(Self { bucket: Some(bucket), key })
    }
}

fn object_key(raw: &str) -> Result<String, S3Error> {
    let key = decode(raw)?;
    if key.len() > MAX_KEY {
        return Err(S3Error::known("InvalidObjectName"));
    }
    Ok(key)
}

pub(crate) fn is_bucket_name(name: &str) -> bool {
    let edge = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| edge(byte) || *byte == b'-')
        && bytes.first().is_some_and(edge)
        && bytes.last().is_some_and(edge)
}

/// Percent-decoding that refuses a `%` without two hex digits, and bytes that are not UTF-8.
pub(crate) fn decode(raw: &str) -> Result<String, S3Error> {
    let bytes = raw.as_bytes();
    let broken =
        |at: usize| bytes.get(at + 1..at + 3).is_none_or(|digits| !digits.iter().all(u8::is_ascii_hexdigit));
    if bytes.iter().enumerate().any(|(at, byte)| *byte == b'%' && broken(at)) {
        return Err(S3Error::new(StatusCode::BAD_REQUEST, "InvalidURI", "Couldn't parse the specified URI."));
    }
    percent_decode_str(raw).decode_utf8().map(Into::into).map_err(|_| S3Error::known("InvalidObjectName"))
}

/// The decoded query.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(raw: &str) -> Result<Self, S3Error> {
        let text = |bytes: &[u8]| {
            std::str::from_utf8(bytes)
                .map(str::to_owned)
                .map_err(|_| S3Error::invalid_argument("The query is not valid UTF-8"))
        };
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

    /// The names, but for those of signatures and those that R2 ignores.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let ignored = |name: &str| name.starts_with("X-Amz-") || name == "x-id" || name == "x-purpose";
        self.0.iter().map(|(name, _)| name.as_str()).filter(move |name| !ignored(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded_once_and_never_normalised() {
        for (path, key) in [
            ("/media/a%20b", "a b"),
            ("/media/a+b", "a+b"),
            ("/media/a%252Fb", "a%2Fb"),
            ("/media/../x", "../x"),
            ("/media//", "/"),
            ("/media/a//b/./..", "a//b/./.."),
            ("/media/%00", "\0"),
        ] {
            let target = Target::parse(path).unwrap();
            assert_eq!((target.bucket.as_deref(), target.key.as_deref()), (Some("media"), Some(key)));
        }
        assert_eq!(Target::parse("/").unwrap(), Target::default());
        assert_eq!(Target::parse("/media/").unwrap().key, None);
    }

    #[test]
    fn bad_paths_get_r2s_errors() {
        let long = format!("/media/{}", "a".repeat(1025));
        for (path, code) in [
            ("*", "RouteNotFound"),
            ("/media/%", "InvalidURI"),
            ("/media/%f", "InvalidURI"),
            ("/media/%zz", "InvalidURI"),
            ("/media/%ff", "InvalidObjectName"),
            ("//key", "InvalidBucketName"),
            ("/Media/key", "InvalidBucketName"),
            ("/ab", "InvalidBucketName"),
            ("/-abc", "InvalidBucketName"),
            (long.as_str(), "InvalidObjectName"),
        ] {
            assert_eq!(Target::parse(path).unwrap_err().code, code, "{path}");
        }
    }
}
