//! What becomes of bytes that were damaged where they are stored, and of numbers that nothing can store.

use std::fs;
use std::path::PathBuf;

use crate::client::Local;
use crate::kv::{error, namespace};
use crate::log::Log;

/// Changes the last byte of the only file in `blobs/`, and says which that is.
fn damage(local: &Local) -> PathBuf {
    let mut blobs = fs::read_dir(local.server.store().path().join("blobs")).unwrap();
    let path = blobs.next().unwrap().unwrap().path();
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    path
}

/// A million bytes that repeat nowhere soon.
fn content() -> Vec<u8> {
    let mut bytes = vec![0; 1_000_000];
    fastrand::Rng::with_seed(0).fill(&mut bytes);
    bytes
}

#[tokio::test]
async fn an_answer_that_damage_ends_early_is_an_error_in_the_log() {
    let local = Local::start().await;
    let bytes = content();
    local.put("/media/a/b", bytes.clone()).await;
    let file = damage(&local);
    let (log, _guard) = Log::keep();
    let answer = local.get("/media/a/b").await;
    assert_eq!((answer.status, answer.header("content-length")), (200, "1000000"));
    assert!(answer.body.len() < bytes.len() && bytes.starts_with(&answer.body));
    let text = log.text();
    let error = text.lines().find(|line| line.contains("ERROR")).unwrap();
    for named in ["key=\"a/b\"", file.to_str().unwrap(), "is damaged", "in the middle of an answer"] {
        assert!(error.contains(named), "{named}: {text}");
    }
    let sound = local.request("GET", "/media/a/b").header("range", "bytes=0-99999").send().await;
    assert!(sound.status == 206 && sound.body == bytes[..100_000]);
}

#[tokio::test]
async fn damaged_bytes_are_not_copied() {
    let local = Local::start().await;
    local.put("/media/key", content()).await;
    local.server.store().create_bucket("other").await.unwrap();
    damage(&local);
    for target in ["/other/copy", "/media/copy"] {
        let copy = local.request("PUT", target).header("x-amz-copy-source", "/media/key").send().await;
        assert_eq!(copy.error(), (500, "InternalError".to_owned()), "{target}");
        assert_eq!(local.get(target).await.status, 404, "{target}");
    }
}

#[tokio::test]
async fn expirations_that_no_date_names_are_refused() {
    let local = Local::start().await;
    let sessions = namespace(&local).await;
    for seconds in [253_402_300_800, (1 << 63) - 1, 1 << 63, u64::MAX] {
        for query in ["expiration", "expiration_ttl"] {
            let target = format!("{sessions}/values/k?{query}={seconds}");
            let answer = local.kv("PUT", &target).body("v").send().await;
            assert_eq!(error(&answer).0, 400, "{target}: {}", answer.text());
        }
    }
    let answer =
        local.kv("PUT", &format!("{sessions}/values/k?expiration=253402300799")).body("v").send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}
