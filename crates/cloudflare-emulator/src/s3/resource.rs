//! The bucket and the key of a request, from its target as sent.

use cloudflare_clients::s3::endpoint::{validate_bucket_name, validate_key};

use http::request::Parts;

use crate::s3::error::S3Error;
use crate::s3::known_error::ROUTE_NOT_FOUND;
use crate::uri;

/// What a path names. Bucket and key are decoded exactly once; `.`, `..` and empty segments are bytes of the
/// key like any other.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum S3Resource {
    Account,
    Bucket(String),
    Object { bucket: String, key: String },
}

impl S3Resource {
    /// Parses a path. For a virtual-hosted address, the bucket is given.
    pub(crate) fn parse(in_host: Option<String>, raw_path: &str) -> Result<Self, S3Error> {
        let path = raw_path.strip_prefix('/').ok_or(ROUTE_NOT_FOUND)?;
        let (bucket, key) = if let Some(bucket) = in_host {
            (bucket, path)
        } else {
            let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
            if bucket.is_empty() && key.is_empty() {
                return Ok(Self::Account);
            }
            (uri::decode(bucket)?, key)
        };
        validate_bucket_name(&bucket)?;
        if key.is_empty() {
            return Ok(Self::Bucket(bucket));
        }
        let key = uri::decode(key)?;
        validate_key(&key)?;
        Ok(Self::Object { bucket, key })
    }

    /// Returns the bucket and the key, which are empty if the path has none.
    pub(crate) fn into_names(self) -> (String, String) {
        match self {
            Self::Account => (String::new(), String::new()),
            Self::Bucket(bucket) => (bucket, String::new()),
            Self::Object { bucket, key } => (bucket, key),
        }
    }
}

/// Returns the bucket of a request before authentication. It is empty if the request has no bucket, or if
/// the bucket cannot be parsed.
pub(crate) fn bucket_of(in_host: Option<String>, parts: &Parts) -> String {
    let resource = S3Resource::parse(in_host, parts.uri.path());
    resource.map_or_else(|_| String::new(), |resource| resource.into_names().0)
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
            let object = S3Resource::Object { bucket: "media".to_owned(), key: key.to_owned() };
            assert_eq!(S3Resource::parse(None, path).unwrap(), object);
        }
        assert_eq!(S3Resource::parse(None, "/").unwrap(), S3Resource::Account);
        for path in ["/media", "/media/"] {
            assert_eq!(S3Resource::parse(None, path).unwrap(), S3Resource::Bucket("media".to_owned()));
        }
    }

    #[test]
    fn all_of_the_path_is_the_key_where_the_bucket_is_in_the_host() {
        let parse = |path| S3Resource::parse(Some("media".to_owned()), path);
        for (path, key) in [("/key", "key"), ("/media/key", "media/key"), ("//a", "/a"), ("/a/", "a/")] {
            let object = S3Resource::Object { bucket: "media".to_owned(), key: key.to_owned() };
            assert_eq!(parse(path).unwrap(), object);
        }
        assert_eq!(parse("/").unwrap(), S3Resource::Bucket("media".to_owned()));
        assert_eq!(parse("*").unwrap_err().code, "RouteNotFound");
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
            assert_eq!(S3Resource::parse(None, path).unwrap_err().code, code, "{path}");
        }
    }
}
