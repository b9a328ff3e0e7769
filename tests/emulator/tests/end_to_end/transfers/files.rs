//! Files that are written to while they are uploaded.

use std::io::Write as _;
use std::path::Path;
use std::sync::Once;
use std::time::SystemTime;

use super::*;

type Change = fn(&Path);

/// What happens to the file.
const CHANGES: [(&str, Change); 5] = [
    ("grows", |path| {
        let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(b"more").unwrap();
    }),
    ("shrinks", |path| {
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(file.metadata().unwrap().len() - 100_000).unwrap();
    }),
    ("changes", |path| {
        let size = usize::try_from(fs::metadata(path).unwrap().len()).unwrap();
        let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.write_all(&content(size, 9)).unwrap();
        file.set_modified(SystemTime::now() + Duration::from_secs(1)).unwrap();
    }),
    ("is replaced", |path| {
        let new = path.with_extension("new");
        fs::write(&new, content(usize::try_from(fs::metadata(path).unwrap().len()).unwrap(), 8)).unwrap();
        fs::rename(new, path).unwrap();
    }),
    ("goes away", |path| fs::remove_file(path).unwrap()),
];

/// While its first bytes are sent, and while its last ones are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_in_parts_that_is_written_to_is_not_stored() {
    let transfers = Transfers::start().await;
    for (what, change) in CHANGES {
        for moment in [1, SIZE as u64] {
            let row = format!("{what} at {moment}");
            fs::write(transfers.path("in"), &transfers.bytes).unwrap();
            transfers.begin(&[]).await;
            let (path, once) = (transfers.path("in"), Once::new());
            let upload = transfers.upload().concurrency(2).on_progress(move |done, _| {
                if done >= moment {
                    once.call_once(|| change(&path));
                }
            });
            let error = not_hanging(upload.into_future()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Storage, "{row}: {error}");
            let says = if what == "goes away" { "cannot be " } else { "changed while it was being uploaded" };
            assert!(error.message().contains(says), "{row}: {error}");
            assert!(transfers.world.stored.head(KEY).await.unwrap().is_none(), "{row}");
            transfers.assert_nothing_begun().await;
        }
    }
}

/// A single request is atomic: the object has the bytes that were hashed before, or is not stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_file_that_is_written_to_is_stored_as_it_was_or_not_at_all() {
    let transfers = Transfers::start().await;
    for size in [500_000, 4 * 1024 * 1024] {
        let bytes = transfers.bytes.slice(..size);
        for (what, change) in CHANGES {
            for moment in [1, size as u64] {
                let row = format!("{size} bytes, {what} at {moment}");
                fs::write(transfers.path("in"), &bytes).unwrap();
                transfers.begin(&[]).await;
                let (path, once) = (transfers.path("in"), Once::new());
                let upload = transfers.upload().on_progress(move |done, _| {
                    if done >= moment {
                        once.call_once(|| change(&path));
                    }
                });
                let uploaded = not_hanging(upload.into_future()).await;
                let stored = transfers.world.stored.get(KEY).bytes().await.unwrap();
                match uploaded {
                    Ok(uploaded) => {
                        assert_eq!(uploaded.verified, Verified::Crc64, "{row}");
                        assert!(stored.unwrap() == bytes, "{row}");
                    }
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Storage, "{row}: {error}");
                        assert!(stored.is_none(), "{row}");
                    }
                }
                transfers.assert_nothing_begun().await;
            }
        }
    }
}

/// The upload was interrupted, and the file has changed since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_has_changed_since_begins_anew() {
    let mut transfers = Transfers::start().await;
    for (what, change) in &CHANGES[..4] {
        fs::write(transfers.path("in"), &transfers.bytes).unwrap();
        transfers.begin(&[(Kind::Complete, Fault::Status(403, None))]).await;
        assert_eq!(transfers.upload().await.unwrap_err().kind(), ErrorKind::Forbidden);
        change(&transfers.path("in"));
        let changed = fs::read(transfers.path("in")).unwrap();
        let before = std::mem::replace(&mut transfers.bytes, changed.into());
        assert!(transfers.sent().await.unwrap().restarted, "{what}");
        transfers.bytes = before;
    }
}
