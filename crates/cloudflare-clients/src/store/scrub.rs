//! Scrubbing: reads everything in a store to find damage before somebody needs the data.

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _};
use serde::Serialize;

use super::blobs::Blobs;
use super::block_checksums::BlockHasher;
use super::database::{StoreResult, read_key};
use super::local_store::LocalStore;
use super::read::{Piece, SegmentColumns, piece_columns};
use super::segments::{segments_of, set_checksums};
use crate::error::{Error, Result};

/// Number of bodies that are listed at a time.
const PAGE: usize = 100;

/// Maximum number of database faults that are reported.
const MAX_FAULTS: usize = 20;

/// The result of [`LocalStore::scrub`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScrubReport {
    /// Number of objects, values and unfinished uploads that were read.
    pub checked: u64,
    /// Their total size in bytes.
    pub bytes: u64,
    /// Number of segments written by an older version without checksums that got checksums because their MD5
    /// was correct.
    pub checksums_added: u64,
    /// What is damaged.
    pub damaged: Vec<Damage>,
}

/// Damage in a [`LocalStore`]. The JSON form has the names of the fields in camel case, and omits those that
/// are `None`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Damage {
    /// The bucket, if an object or an upload is damaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// The title of the namespace, if a value is damaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The key, unless the database itself is damaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The upload id, if a part of an unfinished upload is damaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload_id: Option<String>,
    /// Path of the file with the damaged bytes: one in `blobs/`, or the database.
    pub file: PathBuf,
    /// Description of the damage.
    pub problem: String,
}

/// An object, upload or value.
#[derive(Debug, Clone)]
struct Owner {
    body: i64,
    bucket: Option<String>,
    namespace: Option<String>,
    key: String,
    upload_id: Option<String>,
    /// Size in bytes, if it is known.
    size: Option<u64>,
}

/// A segment to check.
struct Segment {
    id: i64,
    /// Size as it is stored, in bytes: an encrypted segment is compared without decrypting it.
    size: u64,
    blob: Option<String>,
    has_checksums: bool,
    piece: Result<Piece>,
}

/// The result of checking a segment.
enum Outcome {
    Good,
    /// The MD5 is correct, and these are the checksums of the blocks.
    Proven(Vec<u8>),
    Damaged(Error),
}

impl LocalStore {
    /// Reads every object, value and part of an upload, and compares it with its checksums. `on_progress` is
    /// called with the number of bytes read so far and the total.
    ///
    /// Data of an older version has no block checksums: its MD5 is compared, and checksums are added if it is
    /// correct. The store may be used during the scrub: data that is replaced or deleted before its turn is
    /// skipped. Nothing is repaired: store the damaged objects and values again, from their original source.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`](crate::ErrorKind::Storage) if the database cannot be read at all. Damage is
    /// only listed in the report.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// let store = cloudflare_clients::LocalStore::open(folder.path()).await?;
    /// let report = store.scrub(|done, all| println!("{done} of {all} bytes")).await?;
    /// for damage in &report.damaged {
    ///     println!("{:?} in {}: {}", damage.key, damage.file.display(), damage.problem);
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn scrub(&self, on_progress: impl Fn(u64, u64) + Send + Sync + 'static) -> Result<ScrubReport> {
        let (faults, all) = self
            .shared()
            .readers
            .read(|connection| Ok((faults_of_database(connection), bytes_in(connection)?)))
            .await?;
        let mut report = ScrubReport::default();
        report.damaged.extend(faults.into_iter().map(|problem| self.damage_of_database(problem)));
        let on_progress = Arc::new(on_progress);
        let mut from = 0;
        loop {
            let page = self.shared().readers.read(move |connection| owners(connection, from)).await;
            let page = match page {
                Err(error) if !report.damaged.is_empty() => {
                    report.damaged.push(self.damage_of_database(error.message().to_owned()));
                    return Ok(report);
                }
                page => page?,
            };
            let Some(last) = page.last() else { return Ok(report) };
            from = last.body;
            for owner in page {
                self.scrub_body(&owner, &mut report, all, &on_progress).await?;
                on_progress(report.bytes, all.max(report.bytes));
            }
        }
    }

    async fn scrub_body<F>(
        &self,
        owner: &Owner,
        report: &mut ScrubReport,
        all: u64,
        on_progress: &Arc<F>,
    ) -> Result<()>
    where
        F: Fn(u64, u64) + Send + Sync + 'static,
    {
        report.checked += 1;
        let body = owner.body;
        let segments = self.shared().readers.read(move |connection| segments(connection, body)).await?;
        let listed: u64 = segments.iter().map(|(_, size)| size).sum();
        if owner.size.is_some_and(|size| size != listed) && self.is_there(owner).await? {
            let problem = format!("its size is {:?}, but the database lists {listed} bytes", owner.size);
            report.damaged.push(self.damage(owner, None, problem));
        }
        for (id, _) in segments {
            let key = owner.key.clone();
            let read = move |connection: &Connection| segment(connection, &key, id);
            let Some(segment) = self.shared().readers.read(read).await? else { continue };
            let (id, blob, size) = (segment.id, segment.blob.clone(), segment.size);
            let (blobs, key) = (Arc::clone(&self.shared().blobs), owner.key.clone());
            let (before, on_progress) = (report.bytes, Arc::clone(on_progress));
            let look = move || {
                let progress = |done| on_progress(before + done, all.max(before + done));
                Ok(look_at(segment, &blobs, &key, progress))
            };
            let outcome = self.shared().platform.blocking(look).await?;
            report.bytes += size;
            match outcome {
                Outcome::Good => {}
                Outcome::Proven(checksums) => {
                    let set = move |write: &super::writer::Write<'_>| {
                        set_checksums(write, id, blob.as_deref(), &checksums)
                    };
                    // If nothing can be written, they are added another time.
                    match self.shared().writer.write(Vec::new(), set).await {
                        Ok(()) => report.checksums_added += 1,
                        Err(error) => tracing::debug!(%error, "could not add checksums"),
                    }
                }
                Outcome::Damaged(error) => {
                    let path = blob.as_deref().map(|name| self.shared().blobs.path(name));
                    let same = move |connection: &Connection| is_in(connection, id, blob.as_deref());
                    if self.shared().readers.read(same).await? {
                        // The read error says that the object was deleted in the meantime, but it was not.
                        let is_missing =
                            path.as_deref().is_some_and(|path| matches!(path.try_exists(), Ok(false)));
                        let problem = if is_missing { "the file is missing" } else { error.message() };
                        report.damaged.push(self.damage(owner, path, problem.to_owned()));
                    }
                }
            }
        }
        Ok(())
    }

    async fn is_there(&self, owner: &Owner) -> Result<bool> {
        let body = owner.body;
        let find = move |connection: &Connection| {
            Ok(owners(connection, body - 1)?.first().is_some_and(|owner| owner.body == body))
        };
        self.shared().readers.read(find).await
    }

    fn damage(&self, owner: &Owner, file: Option<PathBuf>, problem: String) -> Damage {
        let Owner { bucket, namespace, key, upload_id, .. } = owner.clone();
        Damage { bucket, namespace, key: Some(key), upload_id, ..self.damage_of_file(file, problem) }
    }

    fn damage_of_database(&self, problem: String) -> Damage {
        self.damage_of_file(None, problem)
    }

    fn damage_of_file(&self, file: Option<PathBuf>, problem: String) -> Damage {
        let file = file.unwrap_or_else(|| self.shared().database.clone());
        Damage { bucket: None, namespace: None, key: None, upload_id: None, file, problem }
    }
}

/// Faults that SQLite finds in its own structures.
fn faults_of_database(connection: &Connection) -> Vec<String> {
    let check = || -> rusqlite::Result<Vec<String>> {
        let mut statement = connection.prepare(&format!("PRAGMA integrity_check({MAX_FAULTS})"))?;
        statement.query_map((), |row| row.get(0))?.collect()
    };
    match check() {
        Ok(lines) => lines.into_iter().filter(|line| line != "ok").collect(),
        Err(error) => vec![error.to_string()],
    }
}

/// Total size of all bodies, in bytes.
pub(super) fn bytes_in(connection: &Connection) -> StoreResult<u64> {
    Ok(connection.query_row("SELECT coalesce(sum(size), 0) FROM segments", (), |row| row.get(0))?)
}

/// The owners of bodies after this one, in the order of their bodies.
fn owners(connection: &Connection, behind: i64) -> StoreResult<Vec<Owner>> {
    let mut statement = connection.prepare_cached(
        "SELECT body, buckets.name, NULL, key, uploaded_key, NULL, size \
           FROM objects JOIN buckets ON buckets.id = bucket WHERE body > ?1 \
         UNION ALL SELECT body, buckets.name, NULL, key, uploaded_key, uploads.id, NULL \
           FROM uploads JOIN buckets ON buckets.id = bucket WHERE body > ?1 \
         UNION ALL SELECT body, NULL, title, key, NULL, NULL, size \
           FROM pairs JOIN namespaces ON number = namespace WHERE body > ?1 \
         ORDER BY 1 LIMIT ?2",
    )?;
    let mut rows = statement.query((behind, PAGE))?;
    let mut owners = Vec::new();
    while let Some(row) = rows.next()? {
        owners.push(Owner {
            body: row.get(0)?,
            bucket: row.get(1)?,
            namespace: row.get(2)?,
            key: row.get::<_, Option<String>>(4)?.map_or_else(|| read_key(row, 3), Ok)?,
            upload_id: row.get(5)?,
            size: row.get(6)?,
        });
    }
    Ok(owners)
}

/// Returns the owner of a damaged file.
pub(super) fn owner_of_blob(
    connection: &Connection,
    blob: &str,
    file: PathBuf,
    problem: String,
) -> StoreResult<Damage> {
    let id: i64 = connection
        .prepare_cached("SELECT id FROM segments WHERE blob = ?1")?
        .query_row((blob,), |row| row.get(0))?;
    let body = id >> 16;
    let owner = owners(connection, body - 1)?.into_iter().next().filter(|owner| owner.body == body);
    let (bucket, namespace, key, upload_id) = match owner {
        Some(Owner { bucket, namespace, key, upload_id, .. }) => (bucket, namespace, Some(key), upload_id),
        None => (None, None, None, None),
    };
    Ok(Damage { bucket, namespace, key, upload_id, file, problem })
}

/// The ids and sizes of the segments of a body.
fn segments(connection: &Connection, body: i64) -> StoreResult<Vec<(i64, u64)>> {
    let ids = segments_of(body);
    let mut statement =
        connection.prepare_cached("SELECT id, size FROM segments WHERE id >= ?1 AND id < ?2 ORDER BY id")?;
    let rows = statement.query_map((ids.start, ids.end), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn segment(connection: &Connection, key: &str, id: i64) -> StoreResult<Option<Segment>> {
    let mut statement =
        connection.prepare_cached(concat!("SELECT ", piece_columns!(), " FROM segments WHERE id = ?1"))?;
    let mut rows = statement.query((id,))?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let has_checksums = row.get_ref(2)?.as_blob_or_null().is_ok_and(|checksums| checksums.is_some());
    let (piece, size) = match Piece::read_stored(SegmentColumns::new(row, 0), key) {
        Ok((piece, size)) => (Ok(piece), size),
        Err(error) => (Err(Error::from(error)), row.get(0)?),
    };
    Ok(Some(Segment { id, size, blob: row.get(3)?, has_checksums, piece }))
}

/// Whether the segment is still in this file.
fn is_in(connection: &Connection, id: i64, blob: Option<&str>) -> StoreResult<bool> {
    let found = connection
        .prepare_cached("SELECT 1 FROM segments WHERE id = ?1 AND blob IS ?2")?
        .query_row((id, blob), |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}

fn look_at(segment: Segment, blobs: &Blobs, key: &str, progress: impl Fn(u64)) -> Outcome {
    let read = || {
        let mut piece = segment.piece?;
        let (mut hasher, mut done) = (BlockHasher::new(), 0);
        while done < segment.size {
            let chunk = piece.next_chunk(blobs, key)?;
            if !segment.has_checksums {
                hasher.update(&chunk);
            }
            done += chunk.len() as u64;
            progress(done);
        }
        Ok(hasher.finish())
    };
    match read() {
        Err(error) => Outcome::Damaged(error),
        Ok(checksums) if !segment.has_checksums => Outcome::Proven(checksums),
        Ok(_) => Outcome::Good,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::kv::{self, Namespace as _};
    use crate::r2::{Bucket as _, CreateMultipartUploadRequest, PutRequest, UploadPartRequest};
    use crate::store::LocalNamespace;
    use crate::store::testing::{bucket, flip, pattern};

    #[tokio::test]
    async fn it_names_everything_that_is_damaged_and_nothing_else() {
        let (_folder, bucket) = bucket().await;
        let store = bucket.store().clone();
        let sessions = LocalNamespace::open_in(&store, "sessions").await.unwrap();
        for key in ["good", "flipped", "short", "gone"] {
            bucket.put(PutRequest::new(key, pattern(600_000))).await.unwrap();
        }
        bucket.put(PutRequest::new("inline", pattern(1000))).await.unwrap();
        bucket.put(PutRequest::new("empty", "")).await.unwrap();
        sessions.put(kv::PutRequest::new("value", pattern(100_000))).await.unwrap();
        let upload =
            bucket.create_multipart_upload(CreateMultipartUploadRequest::new("parts")).await.unwrap();
        for part_number in [1, 2] {
            let part = UploadPartRequest::new("parts", &upload.upload_id, part_number, pattern(100_000));
            bucket.upload_part(part).await.unwrap();
        }
        let sound = store.scrub(|done, all| assert!(done <= all)).await.unwrap();
        assert_eq!((sound.damaged, sound.checksums_added), (Vec::new(), 0));
        assert_eq!((sound.checked, sound.bytes), (8, 4 * 600_000 + 1000 + 3 * 100_000));

        let file = |key: &'static str, part: i64| {
            let sql = "SELECT blob FROM segments WHERE id & 65535 = ?2 AND id >> 16 = \
                (SELECT body FROM objects WHERE key = ?1 UNION SELECT body FROM pairs WHERE key = ?1 \
                 UNION SELECT body FROM uploads WHERE key = ?1)";
            let find = move |connection: &Connection| {
                let name: String = connection.query_row(sql, (key.as_bytes(), part), |row| row.get(0))?;
                Ok(name)
            };
            let store = store.clone();
            async move { store.shared().blobs.path(&store.shared().readers.read(find).await.unwrap()) }
        };
        flip(&file("flipped", 1).await, 599_999);
        flip(&file("value", 1).await, 0);
        flip(&file("parts", 2).await, 50_000);
        let short = fs::File::options().write(true).open(file("short", 1).await).unwrap();
        short.set_len(599_999).unwrap();
        fs::remove_file(file("gone", 1).await).unwrap();
        let change = |write: &super::super::writer::Write<'_>| {
            write.execute("UPDATE segments SET bytes = zeroblob(1000) WHERE size = 1000", ())?;
            Ok(())
        };
        store.shared().writer.write(Vec::new(), change).await.unwrap();

        let report = store.scrub(|_, _| {}).await.unwrap();
        let mut named = Vec::new();
        for damage in &report.damaged {
            let place = damage.bucket.as_deref().or(damage.namespace.as_deref()).unwrap();
            let key = damage.key.as_deref().unwrap();
            assert_eq!(damage.upload_id.is_some(), key == "parts");
            assert_eq!(damage.problem == "the file is missing", key == "gone", "{damage:?}");
            named.push((place, key, damage.file.clone()));
        }
        let database = store.path().join("store.sqlite3");
        let expected = [
            ("media", "flipped", file("flipped", 1).await),
            ("media", "short", file("short", 1).await),
            ("media", "gone", file("gone", 1).await),
            ("media", "inline", database),
            ("sessions", "value", file("value", 1).await),
            ("media", "parts", file("parts", 2).await),
        ];
        assert_eq!(named, expected);
    }
}
