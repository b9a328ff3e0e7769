//! Helpers for the tests of all playlists.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::r2::{R2SigningClient, R2SigningConfig};

pub(super) static NOW: LazyLock<SystemTime> =
    LazyLock::new(|| UNIX_EPOCH + Duration::from_secs(1_800_000_000));

/// The start of every URL of the bucket.
pub(super) const BUCKET: &str = "http://127.0.0.1:9710/media/";

/// A client whose clock stands still.
pub(super) fn client() -> R2SigningClient {
    let config = R2SigningConfig::for_endpoint("http://127.0.0.1:9710", "id", "secret", "media");
    R2SigningClient::new(config).unwrap().at(*NOW)
}

/// Replaces each presigned URL by `<key>`, after checking its signature. The playlist was signed for an hour.
pub(super) fn abbreviated(playlist: &str) -> String {
    let client = client();
    let mut out = String::new();
    let mut rest = playlist;
    while let Some(at) = rest.find(BUCKET) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find(['"', '<', '\t', '\r', '\n']).unwrap_or(rest.len());
        let path = &rest[BUCKET.len()..rest.find('?').unwrap()];
        let key = percent_encoding::percent_decode_str(path).decode_utf8().unwrap();
        let url = client.generate_signed_url(&key, Duration::from_secs(3600)).unwrap();
        assert_eq!(url.as_str(), rest[..end].replace("&amp;", "&"));
        out = format!("{out}<{key}>");
        rest = &rest[end..];
    }
    out + rest
}
