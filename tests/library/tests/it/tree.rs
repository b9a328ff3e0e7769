//! Transfers of folders and prefixes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use cloudflare_clients::r2::{Bucket, HttpMetadata, PutRequest, R2Service};
use cloudflare_clients::testing::MockBucket;
use cloudflare_clients::transfer::{Compare, TreeEvent, TreeProgress, TreeReport, Verified, sync};
use cloudflare_clients::{Error, ErrorKind, LocalBucket, Result, S3Bucket};
use futures_util::TryStreamExt as _;
use tempfile::TempDir;
use testkit::{BUCKET, LocalServer, content};

const PART: u64 = 5 * 1024 * 1024;

/// A folder of files, a bucket, and a folder for copies.
struct Fixture {
    folder: TempDir,
    bucket: Arc<dyn Bucket>,
    _server: Option<LocalServer>,
}

impl Fixture {
    async fn local() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bucket = LocalBucket::open(folder.path().join("store"), "media").await.unwrap();
        Self::of(folder, Arc::new(bucket), None)
    }

    async fn s3() -> Self {
        let server = LocalServer::start().await;
        let bucket = Arc::new(server.bucket(BUCKET));
        Self::of(tempfile::tempdir().unwrap(), bucket, Some(server))
    }

    async fn both() -> [Self; 2] {
        [Self::local().await, Self::s3().await]
    }

    fn of(folder: TempDir, bucket: Arc<dyn Bucket>, server: Option<LocalServer>) -> Self {
        fs::create_dir(folder.path().join("in")).unwrap();
        Self { folder, bucket, _server: server }
    }

    fn r2(&self) -> R2Service {
        R2Service::new(Arc::clone(&self.bucket))
    }

    fn input(&self) -> PathBuf {
        self.folder.path().join("in")
    }

    fn output(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// Writes a file with a modification time an hour ago.
    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        write(&self.input(), name, bytes, Duration::from_secs(3600));
    }

    /// The bucket, which calls `before` for each put.
    fn watched(&self, before: impl Fn(&PutRequest) -> Result<()> + Send + Sync + 'static) -> R2Service {
        let mock = MockBucket::over(Arc::clone(&self.bucket));
        let inner = Arc::clone(&self.bucket);
        mock.put.answers(move |request| {
            let (inner, before) = (Arc::clone(&inner), before(&request));
            async move {
                before?;
                inner.put(request).await
            }
        });
        R2Service::new(mock)
    }

    async fn keys(&self) -> Vec<String> {
        let keys = self.r2().list().stream().map_ok(|object| object.key);
        keys.try_collect().await.unwrap()
    }
}

fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>, age: Duration) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
}

/// The files of a folder, by name.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    files
}

/// Asserts that nothing failed.
fn checked(report: TreeReport) -> TreeReport {
    report.check().unwrap();
    report
}

fn counts(report: &TreeReport) -> (u64, u64, u64, u64) {
    (report.transferred, report.unchanged, report.deleted, report.failed)
}

#[tokio::test]
async fn a_folder_goes_up_and_comes_down() {
    for fixture in Fixture::both().await {
        let r2 = fixture.r2();
        fixture.write("master.m3u8", "#EXTM3U");
        fixture.write("720p/0001.ts", "segment");
        fixture.write("720p/empty", "");
        fixture.write("720p.txt", "text");
        fixture.write("crea\u{301} 1%+.bin", content(2_000_000, 1));
        fixture.write("large.mp4", content(12_000_000, 2));

        let sent = r2.upload_dir(fixture.input(), "films/1").part_size(PART).await.map(checked).unwrap();
        assert_eq!(counts(&sent), (6, 0, 0, 0));
        assert_eq!(sent.transferred_bytes, 14_000_018);
        assert_eq!(sent.verified, BTreeMap::from([(Verified::Crc64, 6)]));
        let master = r2.head("films/1/master.m3u8").await.unwrap().unwrap();
        assert_eq!(master.content_type(), Some("application/vnd.apple.mpegurl"));

        let again = r2.upload_dir(fixture.input(), "films/1/").await.map(checked).unwrap();
        assert_eq!(counts(&again), (0, 6, 0, 0));

        let fetched =
            r2.download_dir("films/1", fixture.output()).part_size(PART).await.map(checked).unwrap();
        assert_eq!(counts(&fetched), (6, 0, 0, 0));
        assert_eq!(fetched.verified, BTreeMap::from([(Verified::Crc64, 6)]));
        assert_eq!(files(&fixture.output()), files(&fixture.input()));
        for name in files(&fixture.input()).keys() {
            let modified = |folder: PathBuf| fs::metadata(folder.join(name)).unwrap().modified().unwrap();
            assert_eq!(modified(fixture.output()), modified(fixture.input()), "{name}");
        }

        let again = r2.download_dir("films/1", fixture.output()).await.map(checked).unwrap();
        assert_eq!(counts(&again), (0, 6, 0, 0));
    }
}

#[tokio::test]
async fn only_what_differs_is_transferred() {
    for fixture in Fixture::both().await {
        let r2 = fixture.r2();
        for name in ["same", "size", "bytes", "touched", "gone", "d/gone"] {
            fixture.write(name, "12345");
        }
        r2.upload_dir(fixture.input(), "p").await.unwrap().check().unwrap();
        let later = |name, bytes| write(&fixture.input(), name, bytes, Duration::ZERO);
        tokio::time::sleep(Duration::from_millis(20)).await;
        fixture.write("size", "123456");
        later("bytes", "54321");
        later("touched", "12345");
        later("new", "1");
        fs::remove_file(fixture.input().join("gone")).unwrap();
        fs::remove_dir_all(fixture.input().join("d")).unwrap();

        let dry = sync(fixture.input(), r2.tree("p")).delete(true).dry_run(true).await.map(checked).unwrap();
        assert_eq!(counts(&dry), (3, 2, 2, 0));
        assert_eq!(fixture.keys().await.len(), 6);

        let kept = sync(fixture.input(), r2.tree("p")).await.map(checked).unwrap();
        assert_eq!(counts(&kept), (3, 2, 0, 0));
        let synced = sync(fixture.input(), r2.tree("p")).delete(true).await.map(checked).unwrap();
        assert_eq!(counts(&synced), (0, 5, 2, 0));
        assert_eq!(fixture.keys().await, ["p/bytes", "p/new", "p/same", "p/size", "p/touched"]);

        let everything = sync(fixture.input(), r2.tree("p")).compare(Compare::Nothing).await.unwrap();
        assert_eq!(counts(&everything), (5, 0, 0, 0));
    }
}

#[tokio::test]
async fn times_may_lie_and_checksums_do_not() {
    let fixture = Fixture::s3().await;
    let r2 = fixture.r2();
    for (name, size) in [("small", 5), ("whole", 3_000_000), ("parts", 12_000_000)] {
        fixture.write(name, content(size, 1));
    }
    let up = || r2.upload_dir(fixture.input(), "p").part_size(PART);
    up().await.unwrap().check().unwrap();
    for (name, size) in [("small", 5), ("whole", 3_000_000), ("parts", 12_000_000)] {
        fixture.write(name, content(size, 2));
    }
    // By their times they are older than their objects.
    assert_eq!(counts(&up().await.unwrap()), (0, 3, 0, 0));
    assert_eq!(counts(&up().compare(Compare::Checksum).await.unwrap()), (3, 0, 0, 0));
    assert_eq!(counts(&up().compare(Compare::Checksum).await.unwrap()), (0, 3, 0, 0));
    assert_eq!(counts(&up().compare(Compare::Size).await.unwrap()), (0, 3, 0, 0));
}

#[tokio::test]
async fn a_folder_is_synced_down() {
    for fixture in Fixture::both().await {
        let r2 = fixture.r2();
        for name in ["a", "b/c", "b/d", "e"] {
            r2.put(format!("p/{name}"), name).await.unwrap();
        }
        r2.put("p/b/", "").await.unwrap();
        r2.put("pq/other", "").await.unwrap();
        let down = || sync(r2.tree("p"), fixture.output()).delete(true);
        assert_eq!(counts(&down().await.unwrap()), (4, 0, 0, 0));
        assert_eq!(counts(&down().await.unwrap()), (0, 4, 0, 0));
        write(&fixture.output(), "b/c", "x", Duration::ZERO);
        write(&fixture.output(), "e", "E", Duration::ZERO);
        write(&fixture.output(), "x/y/extra", "", Duration::ZERO);
        r2.delete("p/a").await.unwrap();
        let report = down().await.map(checked).unwrap();
        assert_eq!(counts(&report), (2, 1, 2, 0));
        let names: Vec<_> = files(&fixture.output()).into_keys().collect();
        assert_eq!(names, ["b/c", "b/d", "e"]);
        assert!(!fixture.output().join("x").exists(), "directories that are empty now are removed");
        assert_eq!(fs::read(fixture.output().join("e")).unwrap(), b"e");
    }
}

#[tokio::test]
async fn a_file_becomes_a_directory_and_a_directory_a_file() {
    for fixture in Fixture::both().await {
        let r2 = fixture.r2();
        for key in ["p/a", "p/b/1", "p/b/2/3", "p/c"] {
            r2.put(key, key).await.unwrap();
        }
        let down = || sync(r2.tree("p"), fixture.output());
        assert_eq!(counts(&down().await.unwrap()), (4, 0, 0, 0));
        r2.delete_many(["p/a", "p/b/1", "p/b/2/3"]).await.unwrap();
        for key in ["p/a/1/2", "p/a/3", "p/b"] {
            r2.put(key, key).await.unwrap();
        }
        let without = down().await.unwrap();
        assert_eq!(counts(&without), (0, 1, 0, 3));
        let report = down().delete(true).await.map(checked).unwrap();
        assert_eq!(counts(&report), (3, 1, 3, 0));
        let names: Vec<_> = files(&fixture.output()).into_keys().collect();
        assert_eq!(names, ["a/1/2", "a/3", "b", "c"]);
        assert_eq!(fs::read(fixture.output().join("b")).unwrap(), b"p/b");
    }
}

#[tokio::test]
async fn a_file_in_the_way_that_stays_is_a_failure() {
    let fixture = Fixture::local().await;
    let r2 = fixture.r2();
    r2.put("p/a", "1").await.unwrap();
    r2.put("p/b", "1").await.unwrap();
    write(&fixture.output(), "a/1.tmp", "kept", Duration::ZERO);
    let report = sync(r2.tree("p"), fixture.output()).delete(true).exclude("*.tmp").unwrap().await.unwrap();
    assert_eq!(counts(&report), (1, 0, 0, 1));
    assert_eq!(fs::read(fixture.output().join("a/1.tmp")).unwrap(), b"kept");
}

#[tokio::test]
async fn keys_never_leave_the_folder() {
    let fixture = Fixture::s3().await;
    let r2 = fixture.r2();
    let bad = ["p/../outside", "p//etc/passwd", "p/a/../../b", "p/./c", "p/.x.partial"];
    for key in bad.into_iter().chain(["p/file", "p/file/below", "p/fine"]) {
        r2.put(key, "bytes").await.unwrap();
    }
    let failed = Arc::new(Mutex::new(BTreeSet::new()));
    let listener = Arc::clone(&failed);
    let report = r2
        .download_dir("p", fixture.output())
        .on_event(move |event| {
            if let TreeEvent::Failed { name, .. } = event {
                listener.lock().unwrap().insert(format!("p/{name}"));
            }
        })
        .await
        .unwrap();
    assert_eq!(report.failed, 6);
    assert_eq!(report.failures.len(), 6);
    let failed = std::mem::take(&mut *failed.lock().unwrap());
    assert!(bad.iter().all(|key| failed.contains(*key)), "{failed:?}");
    // Which of the two exists depends on which of them arrives first.
    assert!(failed.contains("p/file") || failed.contains("p/file/below"), "{failed:?}");
    let names: BTreeSet<_> = files(fixture.folder.path()).into_keys().collect();
    assert!(names.contains("out/fine") && names.len() == 2, "{names:?}");
    let error = report.check().unwrap_err();
    assert!(error.message().contains("and 5 more"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn links_lead_nowhere() {
    let fixture = Fixture::local().await;
    let r2 = fixture.r2();
    let elsewhere = fixture.folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::create_dir(fixture.output()).unwrap();
    std::os::unix::fs::symlink(&elsewhere, fixture.output().join("link")).unwrap();
    r2.put("p/link/file", "bytes").await.unwrap();
    let report = r2.download_dir("p", fixture.output()).delete(true).await.unwrap();
    assert_eq!(counts(&report), (0, 0, 0, 1));
    assert!(report.failures[0].1.message().contains("is a symbolic link"), "{report:?}");
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);

    fixture.write("file", "1");
    std::os::unix::fs::symlink(fixture.input().join("file"), fixture.input().join("link")).unwrap();
    let report = r2.upload_dir(fixture.input(), "q").await.unwrap();
    assert_eq!((counts(&report), report.left_out), ((1, 0, 0, 0), 1));
    let report = r2.upload_dir(fixture.input(), "q").follow_links(true).await.unwrap();
    assert_eq!(counts(&report), (1, 1, 0, 0));
    // A link that is not followed still exists: its object is not deleted.
    let report = r2.upload_dir(fixture.input(), "q").delete(true).await.unwrap();
    assert_eq!((counts(&report), report.left_out), ((0, 1, 0, 0), 1));
    assert_eq!(r2.list().prefix("q/").await.unwrap().objects.len(), 2);
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_is_deleted_for_a_directory_that_cannot_be_read() {
    use std::os::unix::fs::PermissionsExt as _;

    let fixture = Fixture::local().await;
    let r2 = fixture.r2();
    for name in ["a", "d/1", "e", "f"] {
        fixture.write(name, "1");
    }
    r2.upload_dir(fixture.input(), "p").await.unwrap().check().unwrap();
    fs::remove_file(fixture.input().join("f")).unwrap();
    let directory = fixture.input().join("d");
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read_dir(&directory).is_ok() {
        // Root can read everything; the planner's own tests cover this case.
        return;
    }
    let report = r2.upload_dir(fixture.input(), "p").delete(true).await.unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(counts(&report), (0, 2, 0, 1));
}

/// Each of them would make the order of the listing differ from that of the keys.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn odd_names_delete_nothing_that_is_there() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let fixture = Fixture::local().await;
    let r2 = fixture.r2();
    for name in ["a", "cre\u{301}a", "cr\u{e9}b", "\u{e9}", "\u{fc}", "z/1", "z-1"] {
        fixture.write(name, name);
    }
    for name in [&b"b\x80bad"[..], b"\xe9", b"\xffz"] {
        fs::write(fixture.input().join(OsStr::from_bytes(name)), "").unwrap();
    }
    let linked = fixture.folder.path().join("linked");
    write(&linked, "x", "x", Duration::from_secs(3600));
    std::os::unix::fs::symlink(&linked, fixture.input().join("link")).unwrap();
    fixture.write("link-1", "1");
    let up = || r2.upload_dir(fixture.input(), "p").follow_links(true).delete(true);
    assert_eq!(counts(&up().await.unwrap()), (9, 0, 0, 3));
    assert_eq!(counts(&up().await.unwrap()), (0, 9, 0, 3));
    // A link that is not followed protects everything below it, whatever is included.
    let report = r2.upload_dir(fixture.input(), "p").include("x").unwrap().delete(true).await.unwrap();
    assert_eq!((report.deleted, fixture.keys().await.len()), (0, 9));
}

#[tokio::test]
async fn a_larger_file_that_is_written_to_meanwhile_is_sent_again() {
    let fixture = Fixture::local().await;
    fixture.write("a", content(3_000_000, 1));
    let path = fixture.input().join("a");
    let puts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&puts);
    let r2 = fixture.watched(move |_| {
        if counted.fetch_add(1, Ordering::Relaxed) == 0 {
            fs::write(&path, content(3_000_000, 2)).unwrap();
        }
        Ok(())
    });
    let report = r2.upload_dir(fixture.input(), "p").await.map(checked).unwrap();
    assert_eq!(counts(&report), (1, 0, 0, 0));
    assert!(fixture.r2().get("p/a").bytes().await.unwrap().unwrap() == content(3_000_000, 2));
    assert_eq!(puts.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn patterns_choose_names_and_metadata() {
    let fixture = Fixture::local().await;
    let r2 = fixture.r2();
    for name in ["a.mp4", "a.m3u8", "drafts/b.mp4", "c/d.mp4", "notes.txt"] {
        fixture.write(name, name);
    }
    r2.put("p/old.txt", "").await.unwrap();
    r2.put("p/old.mp4", "").await.unwrap();
    let report = r2
        .upload_dir(fixture.input(), "p")
        .include("*.mp4")
        .and_then(|up| up.include("*.m3u8"))
        .and_then(|up| up.exclude("drafts/**"))
        .and_then(|up| up.metadata_of("*.m3u8", HttpMetadata::new().cache_control("no-cache")))
        .unwrap()
        .cache_control("max-age=60")
        .metadata("by", "me")
        .delete(true)
        .await
        .unwrap();
    assert_eq!(counts(&report), (3, 0, 1, 0));
    assert_eq!(fixture.keys().await, ["p/a.m3u8", "p/a.mp4", "p/c/d.mp4", "p/old.txt"]);
    for (key, cache_control) in [("p/a.m3u8", "no-cache"), ("p/a.mp4", "max-age=60")] {
        let object = r2.head(key).await.unwrap().unwrap();
        assert_eq!(object.metadata("by"), Some("me"));
        assert_eq!(object.http_metadata.unwrap().cache_control.as_deref(), Some(cache_control), "{key}");
    }
    let error = r2.upload_dir(fixture.input(), "p").include("a[").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_anything_is_sent() {
    let fixture = Fixture::local().await;
    let r2 = fixture.r2();
    for (transfer, message) in [
        (sync("a", "b"), "both sides are local folders"),
        (r2.copy_prefix("a", "a/b"), "one prefix contains the other"),
        (r2.copy_prefix("a/b", "a"), "one prefix contains the other"),
        (r2.copy_prefix("a", "b").cache_control("no-cache"), "keep those of their sources"),
        (r2.upload_dir("a", "b").part_size(1), "part"),
        (r2.upload_dir("a", "b").metadata("x", "y".repeat(9000)), "custom metadata"),
    ] {
        let error = transfer.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.message().contains(message), "{error}");
    }
    let error = r2.delete_prefix("").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    let error = r2.upload_dir(fixture.folder.path().join("missing"), "p").await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Storage, Some("upload_dir")), "{error}");
}

#[tokio::test]
async fn one_failure_does_not_end_the_others() {
    let fixture = Fixture::local().await;
    for number in 0..50 {
        fixture.write(&format!("{number:02}"), "1");
    }
    let r2 = fixture.watched(|request| {
        if request.key == "p/07" { Err(Error::new(ErrorKind::Forbidden, "not this one")) } else { Ok(()) }
    });
    let report = r2.upload_dir(fixture.input(), "p").await.unwrap();
    assert_eq!(counts(&report), (49, 0, 0, 1));
    assert_eq!(report.failures[0].0, "07");
    assert_eq!(report.failures[0].1.kind(), ErrorKind::Forbidden);
}

#[tokio::test]
async fn a_file_that_is_written_to_meanwhile_is_sent_again() {
    let fixture = Fixture::local().await;
    fixture.write("a", "before");
    let path = fixture.input().join("a");
    let puts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&puts);
    let r2 = fixture.watched(move |_| {
        if counted.fetch_add(1, Ordering::Relaxed) == 0 {
            fs::write(&path, "after").unwrap();
        }
        Ok(())
    });
    let report = r2.upload_dir(fixture.input(), "p").await.map(checked).unwrap();
    assert_eq!(counts(&report), (1, 0, 0, 0));
    assert_eq!(fixture.r2().get("p/a").text().await.unwrap().as_deref(), Some("after"));
    assert_eq!(puts.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn progress_ends_where_all_is_done() {
    let fixture = Fixture::s3().await;
    for number in 0..20 {
        fixture.write(&format!("{number}"), content(1000, 1));
    }
    fixture.write("large", content(12_000_000, 1));
    let last = Arc::new(Mutex::new(TreeProgress::default()));
    let seen = Arc::clone(&last);
    let report = fixture
        .r2()
        .upload_dir(fixture.input(), "")
        .part_size(PART)
        .on_progress(move |progress| *seen.lock().unwrap() = progress)
        .await
        .unwrap();
    assert_eq!(counts(&report), (21, 0, 0, 0));
    let last = *last.lock().unwrap();
    assert_eq!((last.found, last.done, last.unchanged), (21, 21, 0));
    assert_eq!((last.found_bytes, last.done_bytes), (12_020_000, 12_020_000));
    assert!(last.is_listed);
}

#[tokio::test]
async fn prefixes_are_deleted() {
    for fixture in Fixture::both().await {
        let r2 = fixture.r2();
        for key in ["a/1", "a/2/3", "a/", "ab", "b"] {
            r2.put(key, "1").await.unwrap();
        }
        assert_eq!(r2.delete_prefix("a").dry_run(true).await.unwrap().deleted, 3);
        assert_eq!(fixture.keys().await.len(), 5);
        assert_eq!(counts(&r2.delete_prefix("a").await.unwrap()), (0, 0, 3, 0));
        assert_eq!(fixture.keys().await, ["ab", "b"]);
    }
}

#[tokio::test]
async fn a_prefix_has_one_meaning_in_either_form_of_its_letters() {
    for fixture in Fixture::both().await {
        let r2 = fixture.r2();
        fixture.write("1", "1");
        fixture.write("2", "2");
        let [composed, decomposed] = ["cr\u{e9}a", "cre\u{301}a"];
        let up = |prefix: &str| sync(fixture.input(), r2.tree(prefix)).delete(true);
        assert_eq!(counts(&up(decomposed).await.unwrap()), (2, 0, 0, 0));
        assert_eq!(counts(&up(composed).await.unwrap()), (0, 2, 0, 0));
        fs::remove_file(fixture.input().join("2")).unwrap();
        assert_eq!(counts(&up(composed).await.unwrap()), (0, 1, 1, 0));
        let names = Arc::new(Mutex::new(Vec::new()));
        let listener = Arc::clone(&names);
        let deleted = r2.delete_prefix(composed).on_event(move |event| {
            if let TreeEvent::Deleted { name, .. } = event {
                listener.lock().unwrap().push(name.to_owned());
            }
        });
        assert_eq!(counts(&deleted.await.unwrap()), (0, 0, 1, 0));
        assert_eq!(*names.lock().unwrap(), ["1"]);
    }
}

#[tokio::test]
async fn the_marker_of_a_prefix_is_not_copied_to_a_buckets_root() {
    let (one, other) = (Fixture::local().await, Fixture::local().await);
    for key in ["a/", "a/b/", "a/1"] {
        one.r2().put(key, "").await.unwrap();
    }
    let report = sync(one.r2().tree("a"), other.r2().tree("")).await.map(checked).unwrap();
    assert_eq!(counts(&report), (2, 0, 0, 0));
    assert_eq!(other.keys().await, ["1", "b/"]);
}

#[tokio::test]
async fn one_bucket_by_two_addresses_is_not_copied_into_itself() {
    let server = LocalServer::start().await;
    let port = server.address().port();
    let [one, other] = ["127.0.0.1", "localhost"].map(|host| {
        let config = server.signing_config(BUCKET).endpoint(format!("http://{host}:{port}"));
        R2Service::new(S3Bucket::new(config).unwrap())
    });
    one.put("a/1", "1").await.unwrap();
    let error = sync(one.tree("a"), other.tree("a/b")).await.unwrap_err();
    assert!(error.message().contains("cannot be transferred into itself"), "{error}");
}

#[tokio::test]
async fn prefixes_are_copied_and_moved() {
    for fixture in Fixture::both().await {
        let r2 = fixture.r2();
        for name in ["1", "2/3"] {
            r2.put(format!("a/{name}"), name).content_type("x/y").metadata("by", "me").await.unwrap();
        }
        r2.put("b/1", "other").await.unwrap();
        assert_eq!(counts(&r2.copy_prefix("a", "b").await.unwrap()), (2, 0, 0, 0));
        assert_eq!(counts(&r2.copy_prefix("a", "b").await.unwrap()), (0, 2, 0, 0));
        let copy = r2.head("b/2/3").await.unwrap().unwrap();
        assert_eq!((copy.content_type(), copy.metadata("by")), (Some("x/y"), Some("me")));
        r2.put("a/1", "newer").await.unwrap();
        assert_eq!(counts(&r2.move_prefix("a", "b").dry_run(true).await.unwrap()), (2, 0, 0, 0));
        assert_eq!(fixture.keys().await, ["a/1", "a/2/3", "b/1", "b/2/3"]);
        assert_eq!(counts(&r2.move_prefix("a", "b").await.unwrap()), (2, 0, 0, 0));
        assert_eq!(fixture.keys().await, ["b/1", "b/2/3"]);
        assert_eq!(r2.get("b/1").text().await.unwrap().as_deref(), Some("newer"));
    }
}

#[tokio::test]
async fn prefixes_are_synced_to_another_service() {
    let (one, other) = (Fixture::local().await, Fixture::s3().await);
    let (source, target) = (one.r2(), other.r2());
    for (name, size) in [("small", 5), ("whole", 3_000_000), ("parts", 20_000_000)] {
        source.put(format!("a/{name}"), content(size, 1)).content_type("x/y").await.unwrap();
    }
    target.put("b/extra", "").await.unwrap();
    let across = || sync(source.tree("a"), target.tree("b")).part_size(PART).delete(true);
    assert_eq!(counts(&across().await.unwrap()), (3, 0, 1, 0));
    assert_eq!(counts(&across().await.unwrap()), (0, 3, 0, 0));
    assert_eq!(other.keys().await, ["b/parts", "b/small", "b/whole"]);
    let copy = target.get("b/parts").await.unwrap().unwrap();
    assert_eq!(copy.content_type(), Some("x/y"));
    assert_eq!(copy.bytes().await.unwrap(), content(20_000_000, 1));
}

#[tokio::test]
async fn a_transfer_that_was_interrupted_is_continued() {
    let fixture = Fixture::s3().await;
    for number in 0..200 {
        fixture.write(&format!("{number:03}"), content(1000, number));
    }
    fixture.write("large", content(30_000_000, 1));
    let sent = Arc::new(AtomicUsize::new(0));
    let mut runs = 0;
    loop {
        runs += 1;
        assert!(runs < 20);
        let (counted, stop) = (Arc::clone(&sent), Arc::new(tokio::sync::Notify::new()));
        let stopping = Arc::clone(&stop);
        let r2 = fixture.watched(move |_| {
            if counted.fetch_add(1, Ordering::Relaxed) % 70 == 69 {
                stopping.notify_one();
            }
            Ok(())
        });
        let up = r2
            .upload_dir(fixture.input(), "p")
            .part_size(PART)
            .concurrency(4)
            .journal(fixture.folder.path().join("journals"));
        tokio::select! {
            report = up => {
                report.unwrap().check().unwrap();
                break;
            }
            () = stop.notified() => {}
        }
    }
    assert!(runs >= 3, "{runs}");
    // Requests in flight at each interruption were sent again.
    assert!(sent.load(Ordering::Relaxed) <= 200 + runs * 4, "{sent:?} in {runs}");
    let down = fixture.r2().download_dir("p", fixture.output()).await.map(checked).unwrap();
    assert_eq!(down.transferred, 201);
    assert_eq!(files(&fixture.output()), files(&fixture.input()));
    assert!(fixture.r2().list_multipart_uploads().await.unwrap().uploads.is_empty());
}
