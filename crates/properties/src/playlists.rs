//! Signed HLS playlists and their JSON documents.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloudflare_clients::playlist::{BlockingReload, PlaylistOptions, SignedPlaylist};
use cloudflare_clients::r2::{R2SigningClient, R2SigningConfig};

/// A client whose clock stands still.
pub(crate) static CLIENT: LazyLock<R2SigningClient> = LazyLock::new(|| {
    let config = R2SigningConfig::for_endpoint("http://127.0.0.1:9710", "id", "secret", "media");
    R2SigningClient::new(config).unwrap().at(*NOW)
});

pub(crate) static NOW: LazyLock<SystemTime> =
    LazyLock::new(|| UNIX_EPOCH + Duration::from_secs(1_800_000_000));

/// The start of every URL of the bucket.
const BUCKET: &str = "http://127.0.0.1:9710/media/";

/// The start of every URL of the route.
pub(crate) const ROUTE: &str = "https://route.example/";

fn options() -> PlaylistOptions<'static> {
    PlaylistOptions::new().child_url(|key| Ok(format!("{ROUTE}{}", key.escape_unicode()))).max_line(1 << 20)
}

/// Only references change, and everything signed is below the prefix, with a DVR window too. Signing a signed
/// playlist again gives the same playlist.
pub fn hls_playlist(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let key = "creator-1/hls/v/video.m3u8";
    for query in ["_HLS_msn=1", "_HLS_msn=18446744073709551615&_HLS_part=0"] {
        let _ = BlockingReload::from_query(query).unwrap().unwrap().state(text);
    }
    if let Ok(signed) = CLIENT.sign_hls_playlist(text, key, &options()) {
        check(text, &signed);
        // The line that offers delta updates changes or disappears.
        let offers = |line: &str| line.trim_ascii().starts_with("#EXT-X-SERVER-CONTROL:");
        let mut after = signed.as_str().split('\n').filter(|line| !offers(line));
        for before in text.split('\n').filter(|line| !offers(line)) {
            let after = after.next().unwrap();
            // The quotes of a URI may have been missing.
            if before == after || before.replace('"', "") == after.replace('"', "") {
                continue;
            }
            let urls = [BUCKET, ROUTE].map(|start| after.find(start));
            let url = urls.into_iter().flatten().min().unwrap();
            assert!(before.starts_with(after[..url].trim_end_matches('"')), "{before:?} became {after:?}");
        }
        assert_eq!(after.next(), None);
    }
    let window =
        || options().dvr_window(Duration::from_secs(6)).variable("d", "x").variable("e", "../../creator-2");
    if let Ok(signed) = CLIENT.sign_hls_playlist(text, key, &window()) {
        check(text, &signed);
        let again = CLIENT.sign_hls_playlist(signed.as_str(), key, &window()).unwrap();
        assert_eq!(again.as_str(), signed.as_str());
    }
}

/// Nothing is presigned. Only values change, and the document keeps its structure.
pub fn hls_json(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(signed) = CLIENT.sign_hls_json(text, "creator-1/ads/list.json", &options()) else { return };
    check(text, &signed);
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text.trim_start_matches('\u{feff}'));
    let (Ok(before), Ok(after)) = (value(text), value(signed.as_str())) else { return };
    if signed.url_count() == 0 {
        assert_eq!(text, signed.as_str());
    }
    assert_eq!(shape(&before), shape(&after));
}

/// Returns the number of values.
fn shape(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(list) => 1 + list.iter().map(shape).sum::<usize>(),
        serde_json::Value::Object(map) => 1 + map.values().map(shape).sum::<usize>(),
        _ => 1,
    }
}

/// Everything signed is below the prefix, and the size that a URL adds to the text is limited.
pub(crate) fn check(text: &str, signed: &SignedPlaylist) {
    // A text may already contain such URLs where nothing is signed.
    if !text.contains("X-Amz-Signature") {
        let mut before = signed.as_str();
        while let Some(at) = before.rfind("X-Amz-Signature") {
            before = &before[..at];
            let start = before.rfind(BUCKET).unwrap();
            let key = before[start + BUCKET.len()..].split('?').next().unwrap();
            assert!(key.starts_with("creator-1/"), "signed: {key}");
            assert!(!key.split('/').any(|segment| matches!(segment, "." | "..")), "folded: {key}");
        }
    }
    assert!(
        signed.as_str().len() <= text.len() * 2 + 1000 + signed.url_count() * 6000,
        "the text has grown too much"
    );
}
