//! What durability depends on: every step between receiving bytes and acknowledging them.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use rusqlite::Connection;

/// The steps of a write to disk. Tests record their order; what ships is [`OperatingSystem`].
pub(super) trait Disk: fmt::Debug + Send + Sync {
    /// Creates a file that is not there yet.
    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).open(path)
    }

    /// Returns once the bytes of a file would survive a power cut.
    fn sync_file(&self, file: &File, path: &Path) -> io::Result<()> {
        let _ = path;
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    /// Returns once the names in a folder would survive a power cut.
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        // Elsewhere a folder cannot be opened; NTFS journals names by itself.
        if cfg!(unix) {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }

    /// Removes a file; fine when it is not there.
    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    /// Ends a transaction. With `synchronous=FULL` it is on disk when this returns.
    fn commit(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection.execute_batch("COMMIT")
    }
}

/// The real disk.
#[derive(Debug)]
pub(super) struct OperatingSystem;

impl Disk for OperatingSystem {}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;
    use crate::error::ErrorKind;
    use crate::kv::{self, Namespace};
    use crate::r2::{
        Bucket, CompleteMultipartUploadRequest, CopyRequest, CreateMultipartUploadRequest, PutRequest,
        UploadPartRequest,
    };
    use crate::store::testing::{Clock, bytes, pattern};
    use crate::store::{LocalBucket, LocalStore};

    /// Records each step once it is done, and takes its time first: what does not wait for it comes earlier.
    #[derive(Debug, Default)]
    struct Recorder {
        steps: Mutex<Vec<(&'static str, PathBuf)>>,
        fails: Mutex<Option<&'static str>>,
    }

    impl Recorder {
        fn step<E: From<io::Error>, T>(
            &self,
            name: &'static str,
            path: &Path,
            step: impl FnOnce() -> Result<T, E>,
        ) -> Result<T, E> {
            std::thread::sleep(Duration::from_millis(20));
            if *self.fails.lock().unwrap() == Some(name) {
                return Err(io::Error::from(io::ErrorKind::StorageFull).into());
            }
            let done = step()?;
            self.steps.lock().unwrap().push((name, path.to_owned()));
            Ok(done)
        }

        /// What was done since the last time and in which folder, without what removes files.
        fn take(&self) -> Vec<String> {
            let steps = std::mem::take(&mut *self.steps.lock().unwrap());
            let made = steps.into_iter().filter(|(name, _)| *name != "remove");
            let step = |(name, path): (&str, PathBuf)| {
                let folder = if path.is_dir() { Some(&*path) } else { path.parent() };
                match folder.and_then(Path::file_name) {
                    Some(folder) => format!("{name} in {}", folder.display()),
                    None => name.to_owned(),
                }
            };
            made.map(step).collect()
        }

        fn acknowledged(&self) {
            self.steps.lock().unwrap().push(("acknowledge", PathBuf::new()));
        }
    }

    impl Disk for Recorder {
        fn create(&self, path: &Path) -> io::Result<File> {
            self.step("create", path, || OperatingSystem.create(path))
        }

        fn sync_file(&self, file: &File, path: &Path) -> io::Result<()> {
            self.step("sync file", path, || OperatingSystem.sync_file(file, path))
        }

        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            self.step("rename", to, || OperatingSystem.rename(from, to))
        }

        fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
            self.step("link", to, || OperatingSystem.hard_link(from, to))
        }

        fn sync_folder(&self, folder: &Path) -> io::Result<()> {
            self.step("sync folder", folder, || OperatingSystem.sync_folder(folder))
        }

        fn remove(&self, path: &Path) -> io::Result<()> {
            self.step("remove", path, || OperatingSystem.remove(path))
        }

        fn commit(&self, connection: &Connection) -> rusqlite::Result<()> {
            let failed = || rusqlite::Error::InvalidQuery;
            self.step("commit", Path::new(""), || {
                OperatingSystem.commit(connection).map_err(io::Error::other)
            })
            .map_err(|_: io::Error| failed())
        }
    }

    async fn recorded() -> (tempfile::TempDir, Arc<Recorder>, LocalBucket) {
        let folder = tempfile::tempdir().unwrap();
        let disk = Arc::new(Recorder::default());
        let store = LocalStore::open_on(
            folder.path().join("new/store"),
            Arc::new(Clock::new()),
            Arc::clone(&disk) as Arc<dyn Disk>,
        )
        .await
        .unwrap();
        // The clean-up of the opening makes a commit of its own.
        while !disk.steps.lock().unwrap().iter().any(|(name, _)| *name == "commit") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        store.create_bucket("media").await.unwrap();
        let bucket = store.bucket("media").unwrap();
        (folder, disk, bucket)
    }

    #[tokio::test]
    async fn every_write_is_synced_before_it_is_committed_and_committed_before_it_is_acknowledged() {
        let (_folder, disk, bucket) = recorded().await;
        disk.take();
        let file = [
            "create in incoming",
            "sync file in incoming",
            "rename in blobs",
            "sync folder in blobs",
            "commit",
            "acknowledge",
        ];

        bucket.put(PutRequest::new("large", pattern(300_000))).await.unwrap();
        disk.acknowledged();
        assert_eq!(disk.take(), file);

        bucket.put(PutRequest::new("small", pattern(1000))).await.unwrap();
        disk.acknowledged();
        assert_eq!(disk.take(), ["commit", "acknowledge"]);

        let copy = CopyRequest { source: "large".into(), key: "copy".into(), ..CopyRequest::default() };
        bucket.copy(copy).await.unwrap();
        disk.acknowledged();
        assert_eq!(disk.take(), ["link in blobs", "sync folder in blobs", "commit", "acknowledge"]);

        let key = "parts".to_owned();
        let create =
            CreateMultipartUploadRequest { key: key.clone(), ..CreateMultipartUploadRequest::default() };
        let upload_id = bucket.create_multipart_upload(create).await.unwrap();
        disk.take();
        let part = UploadPartRequest {
            key: key.clone(),
            upload_id: upload_id.clone(),
            part_number: 1,
            body: pattern(300_000).into(),
            checksum: None,
        };
        let part = bucket.upload_part(part).await.unwrap();
        disk.acknowledged();
        assert_eq!(disk.take(), file);
        let complete = CompleteMultipartUploadRequest {
            key,
            upload_id,
            parts: vec![part],
            ..CompleteMultipartUploadRequest::default()
        };
        bucket.complete_multipart_upload(complete).await.unwrap();
        disk.acknowledged();
        assert_eq!(disk.take(), ["commit", "acknowledge"]);

        bucket.delete("large").await.unwrap();
        disk.acknowledged();
        assert_eq!(disk.take(), ["commit", "acknowledge"]);

        let id = bucket.store().create_namespace("sessions").await.unwrap().id;
        let namespace = bucket.store().namespace(id);
        disk.take();
        namespace.put(kv::PutRequest::new("large", pattern(300_000))).await.unwrap();
        disk.acknowledged();
        assert_eq!(disk.take(), file);
        let small = || kv::PutRequest::new("small", pattern(1000));
        namespace.put_many(vec![small(), small()]).await.unwrap();
        disk.acknowledged();
        assert_eq!(disk.take(), ["commit", "acknowledge"]);
    }

    #[tokio::test]
    async fn a_commit_syncs_the_log_and_new_folders_are_synced() {
        let (folder, disk, bucket) = recorded().await;
        let synced: Vec<PathBuf> = disk
            .steps
            .lock()
            .unwrap()
            .iter()
            .filter(|(name, _)| name.starts_with("sync"))
            .map(|(_, path)| path.strip_prefix(folder.path()).unwrap().to_owned())
            .collect();
        // `new` in the folder above, `store` in it, and in that one the three folders; the log, which may have what a
        // killed process did not sync; the database's name.
        let log = "new/store/store.sqlite3-wal";
        let expected = ["", "new", "new/store", "new/store", "new/store", log, "new/store"];
        assert_eq!(synced, expected.map(PathBuf::from));

        let pragmas = bucket.store().write(Vec::new(), |write| {
            let synchronous: u32 = write.query_row("PRAGMA synchronous", (), |row| row.get(0))?;
            let journal: String = write.query_row("PRAGMA journal_mode", (), |row| row.get(0))?;
            Ok((synchronous, journal))
        });
        assert_eq!(pragmas.await.unwrap(), (2, "wal".to_owned()));
    }

    #[tokio::test]
    async fn a_full_disk_fails_the_write_and_leaves_nothing_behind() {
        let (folder, disk, bucket) = recorded().await;
        for step in ["create", "sync file", "rename", "sync folder", "commit"] {
            *disk.fails.lock().unwrap() = Some(step);
            let failed = bucket.put(PutRequest::new("large", pattern(300_000))).await;
            assert_eq!(failed.map_err(|error| error.kind()).err(), Some(ErrorKind::Storage), "{step}");
            *disk.fails.lock().unwrap() = None;
            assert_eq!(bytes(&bucket, "large").await, None, "{step}");
            let store = folder.path().join("new/store");
            for name in ["blobs", "incoming"] {
                assert_eq!(std::fs::read_dir(store.join(name)).unwrap().count(), 0, "{step}: {name}");
            }
        }
        bucket.put(PutRequest::new("large", pattern(300_000))).await.unwrap();
        assert_eq!(bytes(&bucket, "large").await, Some(pattern(300_000)));
    }
}
