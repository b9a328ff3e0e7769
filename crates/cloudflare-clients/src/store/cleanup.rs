//! The clean-up when a store is opened: removes what has ended, and moves files without an owner aside.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::blobs::Blobs;
use super::database::{StoreResult, storage};
use super::instance::{DeadInstance, Instance};
use super::shared::{Shared, create_folder};
use super::{multipart, pairs};
use crate::error::Result;

pub(super) async fn clean_up(shared: &Shared) -> Result<()> {
    if shared.writer.refusal().is_some() {
        return Ok(());
    }
    // Each transaction also removes the files that earlier ones left as garbage.
    let mut expired = shared
        .writer
        .write(Vec::new(), |write| {
            multipart::forget(write)?;
            pairs::expire(write)
        })
        .await?;
    while expired > 0 {
        expired = shared.writer.write(Vec::new(), pairs::expire).await?;
    }
    let blobs = Arc::clone(&shared.blobs);
    let (dead, unfinished) = shared
        .platform
        .blocking(move || {
            let dead = DeadInstance::find(&*blobs.platform.disk, &blobs.instances)?;
            if dead.is_empty() {
                return Ok((dead, Vec::new()));
            }
            remove_incoming(&blobs, &dead)?;
            let made = files_of_nobody(&blobs, &blobs.folder, &dead)?;
            Ok((dead, made))
        })
        .await?;
    // An instance that is dead or has ended commits nothing any more: if a file of it has no row now, it
    // never gets one.
    let unused = shared
        .readers
        .read(move |connection| {
            let mut unused = Vec::new();
            for name in unfinished {
                if !has_row(connection, &name)? {
                    unused.push(name);
                }
            }
            Ok(unused)
        })
        .await?;
    let (blobs, lost) = (Arc::clone(&shared.blobs), shared.folder.join("lost"));
    shared
        .platform
        .blocking(move || {
            put_aside(&blobs, &lost, &unused)?;
            if !dead.is_empty() {
                blobs.sync_folders()?;
            }
            dead.into_iter().try_for_each(|instance| instance.bury(&*blobs.platform.disk))
        })
        .await
}

/// Moves files that no row refers to out of the way. After a crash they belong to writes that were not
/// acknowledged; but if the database or its log was lost, they may be all that is left of an object.
fn put_aside(blobs: &Blobs, lost: &Path, names: &[String]) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let disk = &*blobs.platform.disk;
    create_folder(disk, lost)?;
    for name in names {
        let from = blobs.path(name);
        // After a power failure the file may have both names, and then the rename does nothing.
        let moved = disk.rename(&from, &lost.join(name)).and_then(|()| disk.remove(&from));
        moved.map_err(|e| storage(&from, "cannot be moved", e))?;
    }
    tracing::warn!(
        files = names.len(),
        "a killed process left files that the database does not refer to: they were moved to {}. They belong to writes that were \
         not acknowledged, unless the database or its log was lost: then they may be what is left of objects. Files that you do not \
         need can be deleted",
        lost.display()
    );
    Ok(())
}

fn has_row(connection: &Connection, blob: &str) -> StoreResult<bool> {
    let found = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM segments WHERE blob = ?1)")?
        .query_row((blob,), |row| row.get(0))?;
    Ok(found)
}

fn remove_incoming(blobs: &Blobs, dead: &[DeadInstance]) -> Result<()> {
    for name in files_of_nobody(blobs, &blobs.incoming, dead)? {
        let path = blobs.incoming.join(name);
        blobs.platform.disk.remove(&path).map_err(|e| storage(&path, "cannot be removed", e))?;
    }
    Ok(())
}

/// The files in a folder whose instance is dead or has ended. After a power failure, files that an ended
/// instance had removed may reappear.
fn files_of_nobody(blobs: &Blobs, folder: &Path, dead: &[DeadInstance]) -> Result<Vec<String>> {
    let disk = &*blobs.platform.disk;
    let names = disk.list(folder).map_err(|e| storage(folder, "cannot be read", e))?;
    // Listed after the files: an instance is registered before it creates files.
    let others = DeadInstance::others(dead, disk, &blobs.instances)?;
    let is_nobodys =
        |name: &String| Instance::of_file(name).is_some_and(|id| others.iter().all(|other| other != id));
    Ok(names.into_iter().filter_map(|name| name.into_string().ok()).filter(is_nobodys).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;
    use crate::error::ErrorKind;
    use crate::r2::{
        AbortMultipartUploadRequest, Bucket as _, CreateMultipartUploadRequest, ListPartsRequest, PutRequest,
    };
    use crate::store::testing::{bucket_with_clock, bytes, files, pattern};

    const UPLOAD_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

    #[tokio::test]
    async fn what_a_dead_process_left_goes_and_what_lives_or_has_a_row_stays() {
        let (_folder, bucket, _clock) = bucket_with_clock().await;
        bucket.put(PutRequest::new("key", pattern(100_000))).await.unwrap();
        let shared = bucket.store().shared();
        let writer = shared.blobs.create().unwrap();
        let uncommitted = shared.blobs.create().unwrap().finish().unwrap();
        fs::write(shared.blobs.instances.join("dead"), "").unwrap();
        fs::write(shared.blobs.incoming.join("dead-0"), "half").unwrap();
        fs::write(shared.blobs.path("dead-1"), "no row").unwrap();

        clean_up(shared).await.unwrap();
        assert_eq!(files(bucket.store()).await, (2, 1));
        let lost = bucket.store().path().join("lost");
        assert_eq!(fs::read_to_string(lost.join("dead-1")).unwrap(), "no row");
        assert_eq!(fs::read_dir(lost).unwrap().count(), 1);
        assert!(!shared.blobs.instances.join("dead").exists());
        assert_eq!(bytes(&bucket, "key").await, Some(pattern(100_000)));
        drop((writer, uncommitted));
        assert_eq!(files(bucket.store()).await, (1, 0));
    }

    #[tokio::test]
    async fn after_a_crash_files_of_instances_that_ended_before_it_are_seen_to() {
        let (_folder, bucket, _clock) = bucket_with_clock().await;
        let shared = bucket.store().shared();
        let uncommitted = shared.blobs.create().unwrap().finish().unwrap();
        // Removed before a power failure, and visible again.
        fs::write(shared.blobs.incoming.join("ended-0"), "half").unwrap();
        fs::write(shared.blobs.path("ended-1"), "no row").unwrap();
        fs::write(shared.blobs.instances.join("dead"), "").unwrap();
        clean_up(shared).await.unwrap();
        // The clean-up of `open` may have been faster, and may still be running.
        while shared.blobs.instances.join("dead").exists() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert_eq!(files(bucket.store()).await, (1, 0));
        assert!(bucket.store().path().join("lost/ended-1").exists());
        drop(uncommitted);
    }

    #[tokio::test]
    async fn files_with_rows_outlive_the_death_of_their_maker() {
        let (_folder, bucket, _clock) = bucket_with_clock().await;
        bucket.put(PutRequest::new("key", pattern(100_000))).await.unwrap();
        let blobs = &bucket.store().shared().blobs;
        let rename = |write: &super::super::writer::Write<'_>| {
            let name: String = write.query_row("SELECT blob FROM segments", (), |row| row.get(0))?;
            write.execute("UPDATE segments SET blob = 'dead-2'", ())?;
            Ok(name)
        };
        let name = bucket.store().shared().writer.write(Vec::new(), rename).await.unwrap();
        fs::rename(blobs.path(&name), blobs.path("dead-2")).unwrap();
        fs::write(blobs.instances.join("dead"), "").unwrap();
        clean_up(bucket.store().shared()).await.unwrap();
        assert_eq!(bytes(&bucket, "key").await, Some(pattern(100_000)));
        assert_eq!(files(bucket.store()).await, (1, 0));
    }

    #[tokio::test]
    async fn uploads_end_after_seven_days() {
        let (_folder, bucket, clock) = bucket_with_clock().await;
        let key = || "key".to_owned();
        let create = CreateMultipartUploadRequest::new(key());
        let upload_id = bucket.create_multipart_upload(create).await.unwrap().upload_id;
        let list = ListPartsRequest::new(key(), upload_id);
        clock.advance(Duration::from_secs(7 * 24 * 3600 - 1));
        bucket.store().apply_lifecycle().await.unwrap();
        bucket.list_parts(list.clone()).await.unwrap();
        clock.advance(Duration::from_secs(1));
        bucket.store().apply_lifecycle().await.unwrap();
        assert_eq!(bucket.list_parts(list.clone()).await.unwrap_err().kind(), ErrorKind::NoSuchUpload);

        // The id is remembered for that long.
        let abort =
            || bucket.abort_known_multipart_upload(AbortMultipartUploadRequest::new(key(), &list.upload_id));
        clock.advance(UPLOAD_LIFETIME);
        clean_up(bucket.store().shared()).await.unwrap();
        abort().await.unwrap();
        clock.advance(Duration::from_secs(1));
        clean_up(bucket.store().shared()).await.unwrap();
        assert_eq!(abort().await.unwrap_err().kind(), ErrorKind::NoSuchUpload);
    }
}
