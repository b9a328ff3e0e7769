//! HLS playlists: nothing but references changes.

#![no_main]

use cloudflare_clients::playlist::PlaylistOptions;
use fuzz::{BUCKET, CLIENT, check};
use libfuzzer_sys::fuzz_target;

const ROUTE: &str = "/play/";

fuzz_target!(|text: &str| {
    let options = PlaylistOptions::new().child_url(|key| Ok(format!("{ROUTE}{}", key.escape_unicode())));
    let Ok(signed) = CLIENT.sign_hls_playlist(text, "creator-1/hls/v/video.m3u8", &options) else {
        return;
    };
    check(text, &signed);
    let (before, after) = (text.split('\n'), signed.as_str().split('\n'));
    assert_eq!(before.clone().count(), after.clone().count());
    for (before, after) in before.zip(after).filter(|(before, after)| before != after) {
        let url =
            after.find(BUCKET).into_iter().chain(after.find(ROUTE)).min().expect("only references change");
        assert!(before.starts_with(&after[..url]), "{before:?} became {after:?}");
    }
});
