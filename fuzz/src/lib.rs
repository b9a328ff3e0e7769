//! What holds for every signed playlist, whatever was signed.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloudflare_clients::playlist::SignedPlaylist;
use cloudflare_clients::r2::{R2SigningClient, R2SigningConfig};

/// A client whose clock stands still.
pub static CLIENT: LazyLock<R2SigningClient> = LazyLock::new(|| {
    let config = R2SigningConfig::for_endpoint("http://127.0.0.1:9710", "id", "secret", "media");
    R2SigningClient::new(config).expect("the configuration is valid").at(*NOW)
});

pub static NOW: LazyLock<SystemTime> = LazyLock::new(|| UNIX_EPOCH + Duration::from_secs(1_800_000_000));

/// What every URL of the bucket begins with.
pub const BUCKET: &str = "http://127.0.0.1:9710/media/";

/// Nothing is signed but what lies below the prefix, and what a URL adds to the text is bounded.
pub fn check(text: &str, signed: &SignedPlaylist) {
    // A text may have such URLs already, wherever nothing is signed.
    if !text.contains("X-Amz-Signature") {
        let mut before = signed.as_str();
        while let Some(at) = before.rfind("X-Amz-Signature") {
            before = &before[..at];
            let start = before.rfind(BUCKET).expect("signed URLs are those of the bucket");
            let key = &before[start + BUCKET.len()..];
            assert!(key.starts_with("creator-1/"), "signed: {key}");
            assert!(
                !key.split('?').next().unwrap().split('/').any(|segment| matches!(segment, "." | "..")),
                "folded: {key}"
            );
        }
    }
    assert!(
        signed.as_str().len() <= text.len() * 2 + 1000 + signed.url_count() * 6000,
        "it has grown too much"
    );
}
