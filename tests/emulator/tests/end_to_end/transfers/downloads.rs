//! Downloads in ranges.

use ErrorKind::{Integrity, UnexpectedResponse};
use Outcome::{Done, Fails};
use futures_util::future::join_all;

use super::*;

/// Each fault for each request of a download in ranges.
const ROWS: &[(Kind, &[Fault], Outcome)] = &[
    (Kind::Head, &[Fault::Status(503, None); 3], Done),
    (Kind::Head, &[Fault::ResetBefore, Fault::ResetAfter], Done),
    (Kind::Get, &[Fault::Status(503, None); 8], Done),
    (Kind::Get, &[Fault::Status(503, Some(0)), Fault::Status(429, Some(0))], Done),
    (Kind::Get, &[Fault::ResetBefore; 3], Done),
    (Kind::Get, &[Fault::ResetAfter; 3], Done),
    // The rest of a range is fetched, however often it is cut off.
    (Kind::Get, &[CUT; 8], Done),
    // A range states its own length.
    (Kind::Get, &[UNDELIMITED; 3], Done),
    (Kind::Get, &[HALVED], Fails(UnexpectedResponse)),
    // Everything is fetched again, once.
    (Kind::Get, &[Fault::FlipDownload], Done),
    (Kind::Get, &[Fault::FlipDownload; 4], Fails(Integrity)),
    (Kind::Get, &[Fault::Status(500, None); 12], Fails(ErrorKind::Server)),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_is_overcome_now_or_by_the_next_call() {
    let transfers = Transfers::start().await;
    for (kind, faults, expected) in ROWS {
        let row = format!("{kind:?} {faults:?}");
        transfers.begin(&faults.iter().map(|fault| (*kind, *fault)).collect::<Vec<_>>()).await;
        transfers.store().await;
        let downloaded = transfers.fetched().await;
        assert_eq!(outcome(&downloaded), *expected, "{row}: {downloaded:?}");
        if downloaded.is_err() {
            transfers.world.proxy.clear_orders();
            transfers.fetched().await.unwrap_or_else(|error| panic!("{row}, again: {error}"));
        }
    }
}

/// The call that resumes does not fetch ranges again that have arrived.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_arrived_is_not_fetched_again() {
    let transfers = Transfers::start().await;
    transfers.store().await;
    transfers.world.proxy.begin();
    let one_at_a_time = || transfers.download().concurrency(1);
    // The first range arrives, and nothing of the second.
    transfers.world.proxy.order_after(Kind::Get, 1, &[Fault::ResetBefore; 4]);
    let error = one_at_a_time().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert_eq!(transfers.names(), [".out.partial", ".out.partial.download", "in"]);
    transfers.world.proxy.begin();
    let downloaded = one_at_a_time().await.unwrap().unwrap();
    assert_eq!((downloaded.resumed_bytes, downloaded.restarted), (PART, false));
    assert_eq!(transfers.world.proxy.calls(Kind::Get), 2);
    transfers.assert_fetched();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_stalls_is_replaced() {
    let rows = [Fault::StallBeforeHead, Fault::StallInBody].map(|stall| async move {
        let transfers = Transfers::impatient().await;
        transfers.begin(&[(Kind::Get, stall)]).await;
        transfers.store().await;
        transfers.fetched().await.unwrap();
        assert_eq!(transfers.world.proxy.calls(Kind::Get), 4, "{stall:?}");
    });
    join_all(rows).await;
}

/// An object in parts without a CRC-64 is verified by the MD5s of its parts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_byte_of_an_object_in_parts_is_noticed() {
    let transfers = Transfers::start().await;
    let upload = transfers.world.stored.create_multipart_upload(KEY).await.unwrap();
    let mut parts = Vec::new();
    for (number, part) in (1..).zip(transfers.bytes.chunks(usize::try_from(PART).unwrap())) {
        parts.push(upload.upload_part(number, transfers.bytes.slice_ref(part)).await.unwrap());
    }
    upload.complete(parts).await.unwrap();
    for (flips, expected) in [(1, Done), (4, Fails(Integrity))] {
        transfers.world.proxy.begin();
        (0..flips).for_each(|_| transfers.world.proxy.order(Kind::Get, Fault::FlipDownload));
        let downloaded = transfers.fetched().await;
        assert_eq!(outcome(&downloaded), expected, "{downloaded:?}");
        if let Ok(downloaded) = downloaded {
            assert_eq!(downloaded.verified, Verified::PartMd5s);
        }
    }
    transfers.world.proxy.begin();
    transfers.fetched().await.unwrap();
}

/// Ranges of two objects are never combined.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_is_replaced_is_fetched_anew() {
    let mut transfers = Transfers::start().await;
    for deleted in [false, true] {
        transfers.store().await;
        transfers.world.proxy.begin();
        let stored = transfers.world.stored.clone();
        let replaced = content(SIZE + 1, 2);
        let (new, once) = (replaced.clone(), std::sync::Once::new());
        let download = transfers.download().concurrency(1).on_progress(move |done, _| {
            if done >= PART {
                once.call_once(|| {
                    in_between(async {
                        if deleted {
                            stored.delete(KEY).await.unwrap();
                        } else {
                            stored.put(KEY, new.clone()).await.unwrap();
                        }
                    });
                });
            }
        });
        let downloaded = not_hanging(download.into_future()).await;
        if deleted {
            assert_eq!(outcome(&downloaded), Fails(Integrity), "{downloaded:?}");
            assert_eq!(transfers.names(), ["in"]);
        } else {
            assert!(downloaded.unwrap().unwrap().restarted);
            transfers.bytes = replaced;
            transfers.assert_fetched();
            fs::remove_file(transfers.path("out")).unwrap();
        }
    }
}
