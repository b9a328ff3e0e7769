//! Transfers with a rate limit.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cloudflare_clients::http::StatusCode;
use cloudflare_clients::r2::R2Service;
use cloudflare_clients::testing::{ManualClock, MockBucket};
use cloudflare_clients::transfer::{RateLimit, Verified};
use cloudflare_clients::{Error, LocalBucket, LocalStore, Runtime as _};
use testkit::content;

const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn transfers_keep_to_their_rate() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::default();
    let store = LocalStore::open_with_runtime(folder.path().join("store"), clock.clone()).await.unwrap();
    let service = R2Service::new(LocalBucket::open_in(&store, "media").await.unwrap());
    let (one, out) = (folder.path().join("in"), folder.path().join("out"));
    fs::write(&one, content(12 * MIB, 0)).unwrap();
    let took = async |work: &mut (dyn Future<Output = ()> + Unpin)| {
        let begun = clock.monotonic();
        work.await;
        clock.monotonic().checked_sub(begun).unwrap()
    };

    // Small and large files together, 64 KiB for one part at a time, so that sleeps do not add up.
    let rate = 64 * 1024;
    for part_size in [5 * MIB as u64, 64 * MIB as u64] {
        let upload = service.upload(&one, "k").part_size(part_size).limit_rate(rate);
        let mut uploaded = Box::pin(async {
            assert_eq!(upload.await.unwrap().verified, Verified::Crc64);
        });
        let seconds = took(&mut uploaded).await.as_secs();
        assert!((191..=192).contains(&seconds), "{seconds}");
    }
    let download = service.download("k", &out).range_size(5 * MIB as u64).limit_rate(rate);
    let mut downloaded = Box::pin(async {
        assert_eq!(download.await.unwrap().unwrap().verified, Verified::Crc64);
    });
    let seconds = took(&mut downloaded).await.as_secs();
    assert!((191..=192).contains(&seconds), "{seconds}");
    assert!(fs::read(&one).unwrap() == fs::read(&out).unwrap());

    // For streams, and for copies to another store.
    let mut read = Box::pin(async {
        let reader = fs::read(&one).unwrap();
        service.upload_reader(std::io::Cursor::new(reader), "k").limit_rate(rate).await.unwrap();
    });
    let seconds = took(&mut read).await.as_secs();
    assert!((191..=192).contains(&seconds), "{seconds}");
    let elsewhere = LocalStore::open_with_runtime(folder.path().join("other"), clock.clone()).await.unwrap();
    let elsewhere = R2Service::new(LocalBucket::open_in(&elsewhere, "media").await.unwrap());
    let mut copied = Box::pin(async {
        service.copy_object("k", "k").to_bucket(&elsewhere).limit_rate(rate).await.unwrap();
    });
    let seconds = took(&mut copied).await.as_secs();
    assert!((191..=192).contains(&seconds), "{seconds}");

    // Two that share a limit take twice as long.
    let limit = RateLimit::new(&service, rate);
    let mut both = Box::pin(async {
        service.upload(&one, "k").share_rate(&limit).await.unwrap();
        service.download("k", &out).share_rate(&limit).await.unwrap();
    });
    assert!(took(&mut both).await > Duration::from_secs(2 * 191));
}

#[tokio::test]
async fn retries_are_told_of() {
    let bucket = Arc::new(MockBucket::new());
    let busy = Error::from_status(StatusCode::SERVICE_UNAVAILABLE, "Slow Down");
    bucket.head.answers(|_| async { Ok(None) });
    bucket.head.fails_times(2, busy);
    let told = Arc::new(AtomicUsize::new(0));
    let tells = Arc::clone(&told);
    let service = R2Service::new(bucket).on_retry(move |error| {
        assert_eq!(error.status(), Some(StatusCode::SERVICE_UNAVAILABLE));
        tells.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!(service.head("k").await.unwrap(), None);
    assert_eq!(told.load(Ordering::Relaxed), 2);
}
