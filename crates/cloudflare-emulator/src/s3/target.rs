//! What a request is about: the bucket and the key, from the target as it was sent.

use crate::s3::error::S3Error;
use crate::s3::known_error::{INVALID_BUCKET_NAME, INVALID_OBJECT_NAME, INVALID_URI, ROUTE_NOT_FOUND};
use crate::uri::{self, NotDecodable};

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
        let path = raw_path.strip_prefix('/').ok_or(ROUTE_NOT_FOUND)?;
        let (bucket, key) = match path.split_once('/') {
            Some((bucket, key)) => (bucket, (!key.is_empty()).then_some(key)),
            None => (path, None),
        };
        if bucket.is_empty() && key.is_none() {
            return Ok(Self::default());
        }
        let bucket = decode(bucket)?;
        if !is_bucket_name(&bucket) {
            return Err(INVALID_BUCKET_NAME.into());
        }
        let key = key.map(object_key).transpose()?;
        Ok(Self { bucket: Some(bucket), key })
    }
}

fn object_key(raw: &str) -> Result<String, S3Error> {
    let key = decode(raw)?;
    if key.len() > MAX_KEY {
        return Err(INVALID_OBJECT_NAME.into());
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

/// The text behind percent-encoding.
pub(crate) fn decode(raw: &str) -> Result<String, S3Error> {
    uri::decode(raw).map_err(|error| match error {
        NotDecodable::Escape => INVALID_URI.into(),
        NotDecodable::Utf8 => INVALID_OBJECT_NAME.into(),
    })
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
