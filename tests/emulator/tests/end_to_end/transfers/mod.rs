//! Uploads and downloads of files through a failing proxy: each is completed and verified, or fails clearly
//! and is completed by the next call. Acknowledged bytes are not sent twice, and nothing is left over.

mod downloads;
mod files;
mod many;
mod uploads;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use cloudflare_clients::bytes::Bytes;
use cloudflare_clients::transfer::{Download, Downloaded, Upload, Uploaded, Verified};
use cloudflare_clients::{Error, ErrorKind, Result};
use tempfile::TempDir;
use testkit::{ContentLength, Fault, Kind, content};

use crate::world::World;

const PART: u64 = 5 * 1024 * 1024;
/// Three parts, the last of them shorter.
const SIZE: usize = 12 * 1024 * 1024;
const KEY: &str = "film.mp4";

const CUT: Fault = Fault::EndEarly(ContentLength::Kept);
const UNDELIMITED: Fault = Fault::EndEarly(ContentLength::Removed);
const HALVED: Fault = Fault::EndEarly(ContentLength::Halved);

/// Longer than any transfer of these tests takes.
const HANG: Duration = Duration::from_secs(40);

/// The result of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    Fails(ErrorKind),
}

fn outcome<T>(result: &Result<T>) -> Outcome {
    result.as_ref().map_or_else(|error| Outcome::Fails(error.kind()), |_| Outcome::Done)
}

/// A file, the same bytes in a bucket, and a service that reaches it through the proxy.
struct Transfers {
    world: World,
    folder: TempDir,
    bytes: Bytes,
}

impl Transfers {
    async fn start() -> Self {
        Self::of(World::start().await)
    }

    /// With a client that soon treats silence as a stall.
    async fn impatient() -> Self {
        Self::of(World::impatient().await)
    }

    fn of(world: World) -> Self {
        let transfers = Self { world, folder: tempfile::tempdir().unwrap(), bytes: content(SIZE, 1) };
        fs::write(transfers.path("in"), &transfers.bytes).unwrap();
        transfers
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn upload(&self) -> Upload {
        self.world.r2.upload(self.path("in"), KEY).part_size(PART).journal(self.path("journals"))
    }

    fn download(&self) -> Download {
        self.world.r2.download(KEY, self.path("out")).range_size(PART)
    }

    /// Stores the object to download, in one request.
    async fn store(&self) {
        self.world.stored.put(KEY, self.bytes.clone()).await.unwrap();
    }

    /// Starts with these faults and without an object or an upload.
    async fn begin(&self, faults: &[(Kind, Fault)]) {
        self.world.stored.delete(KEY).await.unwrap();
        self.world.proxy.begin();
        for (kind, fault) in faults {
            self.world.proxy.order(*kind, *fault);
        }
    }

    /// Uploads, and asserts that the result is true.
    async fn sent(&self) -> Result<Uploaded> {
        let uploaded = not_hanging(self.upload().into_future()).await;
        match &uploaded {
            Ok(uploaded) => {
                assert_eq!(uploaded.verified, Verified::Crc64);
                self.assert_sent().await;
            }
            Err(error) => assert_clear(error, "upload"),
        }
        uploaded
    }

    /// The object has the bytes of the file, nothing is left over, and nothing was sent twice.
    async fn assert_sent(&self) {
        let stored = self.world.stored.get(KEY).bytes().await.unwrap().unwrap();
        assert!(stored == self.bytes);
        self.assert_nothing_begun().await;
        assert_eq!(self.world.proxy.sent_twice(), []);
    }

    /// Neither an unfinished upload nor a journal is left.
    async fn assert_nothing_begun(&self) {
        let uploads = self.world.stored.list_multipart_uploads().await.unwrap().uploads;
        assert!(uploads.is_empty(), "{uploads:?}");
        let journals = fs::read_dir(self.path("journals")).map_or(0, Iterator::count);
        assert_eq!(journals, 0, "journals are left");
    }

    /// Downloads, and asserts that the result is true. The file did not exist before.
    async fn fetched(&self) -> Result<Downloaded> {
        let downloaded = not_hanging(self.download().into_future()).await;
        match downloaded {
            Ok(found) => {
                let found = found.expect("an object");
                assert_ne!(found.verified, Verified::LengthOnly);
                self.assert_fetched();
                fs::remove_file(self.path("out")).unwrap();
                Ok(found)
            }
            Err(error) => {
                assert!(!self.path("out").exists(), "half a file has the target's name");
                assert_clear(&error, "download");
                Err(error)
            }
        }
    }

    fn assert_fetched(&self) {
        assert!(fs::read(self.path("out")).unwrap() == self.bytes);
        assert_eq!(self.names(), ["in", "out"]);
    }

    /// The content of the folder, except journals of uploads.
    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name != "journals");
        names.sort();
        names
    }
}

async fn not_hanging<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(HANG, work).await.expect("the transfer hangs")
}

/// Runs the future inside a callback.
fn in_between(work: impl Future<Output = ()>) {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(work));
}

/// The error names the operation and the key.
fn assert_clear(error: &Error, transfer: &str) {
    assert!(error.operation().is_some() && error.key() == Some(KEY), "{transfer}: {error}");
    assert!(!error.message().is_empty());
}
