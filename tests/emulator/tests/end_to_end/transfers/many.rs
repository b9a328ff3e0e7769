//! A service that fails a fifth of all requests.

use futures_util::{StreamExt as _, stream};

use super::*;

const BUSY: [Fault; 2] = [Fault::Status(503, None), Fault::Status(503, Some(0))];

const ANYTHING: [Fault; 7] = [
    Fault::Status(503, None),
    Fault::Refusal,
    Fault::ResetBefore,
    Fault::ResetInUpload,
    Fault::ResetAfter,
    CUT,
    Fault::FlipDownload,
];

/// None fails with the default policy, except that its delays are too long for tests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_small_request_fails_when_a_fifth_is_busy() {
    let world = World::start().await;
    world.proxy.at_random(0.2, 1, &BUSY);
    let r2 = &world.r2;
    let puts = stream::iter(0..2000_u64).map(|n| async move {
        let (key, bytes) = (format!("many/{n}"), content(1000, n));
        r2.put(key, bytes).await
    });
    let failed = puts.buffer_unordered(16).filter(|put| std::future::ready(put.is_err()));
    assert_eq!(failed.count().await, 0);
    assert!((350..650).contains(&world.proxy.faults()), "{}", world.proxy.faults());
    // One request per failure, and no more.
    assert_eq!(world.proxy.calls(Kind::Put), 2000 + world.proxy.faults());
    assert_eq!(world.proxy.sent_twice(), []);

    let keys: Vec<_> = (0..2000).map(|n| format!("many/{n}")).collect();
    let deleted = r2.delete_many(keys).await.unwrap();
    assert_eq!(deleted.failed().count(), 0);
    assert!(world.stored.list().await.unwrap().objects.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transfers_go_through_when_a_fifth_is_busy() {
    let transfers = Transfers::start().await;
    for seed in 0..4 {
        transfers.begin(&[]).await;
        transfers.world.proxy.at_random(0.2, seed, &BUSY);
        transfers.sent().await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        transfers.fetched().await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
    let small = &content(4000, 1);
    fs::write(transfers.path("in"), small).unwrap();
    let (r2, path) = (&transfers.world.r2, &transfers.path("in"));
    stream::iter(0..200)
        .for_each_concurrent(8, |n| async move {
            r2.upload(path, format!("small/{n}")).await.unwrap();
        })
        .await;
}

/// Whatever the transfer is, a few calls at most suffice, and none reports success before it is complete.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transfers_are_done_in_the_end_when_a_fifth_fails_in_any_way() {
    let transfers = Transfers::start().await;
    for seed in 0..6 {
        transfers.begin(&[]).await;
        transfers.world.proxy.at_random(0.2, seed, &ANYTHING);
        let mut calls = 1;
        while transfers.sent().await.is_err() {
            calls += 1;
            assert!(calls < 10, "seed {seed}");
        }
        while transfers.fetched().await.is_err() {
            calls += 1;
            assert!(calls < 20, "seed {seed}");
        }
    }
}

/// A folder, whose transfer is repeated until nothing fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folders_are_alike_in_the_end_when_a_fifth_fails_in_any_way() {
    let transfers = Transfers::start().await;
    let (from, to) = (transfers.path("tree"), transfers.path("copy"));
    fs::create_dir_all(from.join("a/b")).unwrap();
    let names: Vec<_> = (0..150).map(|n| format!("{}{n}", ["", "a/", "a/b/"][n % 3])).collect();
    for (n, name) in names.iter().enumerate() {
        fs::write(from.join(name), content(1000 + n, n as u64)).unwrap();
    }
    fs::write(from.join("large"), content(11_000_000, 1)).unwrap();
    let (r2, proxy) = (&transfers.world.r2, &transfers.world.proxy);
    for (seed, faults) in [(1, &BUSY[..]), (2, &ANYTHING), (3, &ANYTHING)] {
        proxy.at_random(0.2, seed, faults);
        let prefix = format!("tree-{seed}");
        let mut calls = 0;
        let up = async |calls: &mut usize| {
            *calls += 1;
            let up = r2.upload_dir(&from, &prefix).part_size(5 << 20).journal(transfers.path("journals"));
            up.await.and_then(|report| report.check()).is_err()
        };
        while up(&mut calls).await {
            assert!(calls < 10, "seed {seed}");
        }
        let down = async |calls: &mut usize| {
            *calls += 1;
            r2.download_dir(&prefix, &to).delete(true).await.and_then(|report| report.check()).is_err()
        };
        while down(&mut calls).await {
            assert!(calls < 20, "seed {seed}");
        }
        for name in names.iter().map(String::as_str).chain(["large"]) {
            assert!(fs::read(from.join(name)).unwrap() == fs::read(to.join(name)).unwrap(), "{name}");
        }
        fs::remove_dir_all(&to).unwrap();
    }
    proxy.at_random(0.0, 0, &BUSY);
    assert!(transfers.world.stored.list_multipart_uploads().await.unwrap().uploads.is_empty());
}
