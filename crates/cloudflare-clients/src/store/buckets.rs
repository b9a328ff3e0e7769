//! The buckets of a store.

use std::path::Path;
use std::time::SystemTime;

use rusqlite::OptionalExtension as _;
use serde::Serialize;

use super::bucket::LocalBucket;
use super::database::{from_millis, to_millis};
use super::local_store::LocalStore;
use super::multipart;
use super::objects::bucket_id;
use super::writer::Write;
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::error_code::{BUCKET_ALREADY_OWNED_BY_YOU, BUCKET_NOT_EMPTY};
use crate::model::r2::validate_bucket_name;

/// A bucket of a [`LocalStore`]. It serialises as `name` and `created`, a time of RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BucketInfo {
    /// The name.
    pub name: String,
    /// When it was created.
    #[serde(with = "crate::time::rfc3339")]
    pub created: SystemTime,
}

impl LocalStore {
    /// Creates a bucket.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the name is not one that R2 takes (3 to 63 lower-case letters, digits and hyphens,
    /// with no hyphen at the ends); [`ErrorKind::Conflict`] with the code `BucketAlreadyOwnedByYou` when it is taken.
    pub async fn create_bucket(&self, name: &str) -> Result<BucketInfo> {
        let bucket = check_bucket_name(name)?;
        let created = self
            .shared()
            .writer
            .write(Vec::new(), move |write| {
                let inserted = write
                    .prepare_cached(
                        "INSERT INTO buckets (name, created) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                    )?
                    .execute((&bucket, to_millis(write.now)))?;
                Ok((inserted == 1).then_some(BucketInfo { name: bucket, created: write.now }))
            })
            .await?;
        created.ok_or_else(|| {
            Error::new(ErrorKind::Conflict, format!("the store has a bucket {name:?} already"))
                .with_code(BUCKET_ALREADY_OWNED_BY_YOU.name)
        })
    }

    /// Deletes a bucket without objects. Multipart uploads under way are aborted.
    ///
    /// # Errors
    /// [`ErrorKind::NoSuchBucket`]; [`ErrorKind::Conflict`] with the code `BucketNotEmpty`.
    pub async fn delete_bucket(&self, name: &str) -> Result<()> {
        let name = check_bucket_name(name)?;
        let delete = move |write: &Write<'_>| {
            let bucket = bucket_id(write, &name)?;
            let used: bool = write
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM objects WHERE bucket = ?1)")?
                .query_row((bucket,), |row| row.get(0))?;
            if used {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    format!("the bucket {name:?} is not empty: delete its objects first"),
                )
                .with_code(BUCKET_NOT_EMPTY.name)
                .into());
            }
            multipart::abort_all(write, bucket)?;
            write.prepare_cached("DELETE FROM buckets WHERE id = ?1")?.execute((bucket,))?;
            Ok(())
        };
        self.shared().writer.make_room(delete).await
    }

    /// The buckets, by name.
    pub async fn buckets(&self) -> Result<Vec<BucketInfo>> {
        self.shared()
            .readers
            .read(|connection| {
                let mut statement =
                    connection.prepare_cached("SELECT name, created FROM buckets ORDER BY name")?;
                let rows = statement.query_map((), read_bucket)?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// A bucket, if it is there.
    pub async fn bucket_info(&self, name: &str) -> Result<Option<BucketInfo>> {
        let name = check_bucket_name(name)?;
        self.shared()
            .readers
            .read(move |connection| {
                let found = connection
                    .prepare_cached("SELECT name, created FROM buckets WHERE name = ?1")?
                    .query_row((name,), read_bucket)
                    .optional()?;
                Ok(found)
            })
            .await
    }

    /// A bucket's handle. Whether the bucket is there shows when it is used: [`ErrorKind::NoSuchBucket`].
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the name is not one that R2 takes.
    pub fn bucket(&self, name: &str) -> Result<LocalBucket> {
        Ok(LocalBucket::new(self.clone(), check_bucket_name(name)?))
    }
}

impl LocalBucket {
    /// Opens the store in a folder and a bucket of it; both are created where they are not there.
    ///
    /// # Errors
    /// As [`LocalStore::open`] and [`LocalStore::create_bucket`], but that the bucket may be there.
    pub async fn open(folder: impl AsRef<Path>, name: &str) -> Result<Self> {
        Self::open_in(&LocalStore::open(folder).await?, name).await
    }

    /// Opens a bucket of a store. A missing bucket is created.
    ///
    /// # Errors
    /// As [`LocalStore::create_bucket`], but that the bucket may be there.
    pub async fn open_in(store: &LocalStore, name: &str) -> Result<Self> {
        let bucket = store.bucket(name)?;
        // One that is there can be opened where nothing can be written.
        if store.bucket_info(name).await?.is_some() {
            return Ok(bucket);
        }
        match store.create_bucket(name).await {
            Err(error) if error.kind() != ErrorKind::Conflict => Err(error),
            _ => Ok(bucket),
        }
    }
}

fn read_bucket(row: &rusqlite::Row<'_>) -> rusqlite::Result<BucketInfo> {
    Ok(BucketInfo { name: row.get(0)?, created: from_millis(row.get(1)?) })
}

fn check_bucket_name(name: &str) -> Result<String> {
    validate_bucket_name(name)?;
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::r2::{Bucket, DeleteRequest, HeadRequest, PutRequest};
    use crate::store::testing::{bytes, files, pattern};

    #[test]
    fn what_is_known_of_a_bucket_serialises() {
        let info = BucketInfo { name: "media".to_owned(), created: SystemTime::UNIX_EPOCH };
        let json = r#"{"name":"media","created":"1970-01-01T00:00:00.000Z"}"#;
        assert_eq!(serde_json::to_string(&info).unwrap(), json);
    }

    #[tokio::test]
    async fn buckets_are_created_listed_and_deleted_when_empty() {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path()).await.unwrap();
        let media = store.create_bucket("media").await.unwrap();
        let taken = store.create_bucket("media").await.unwrap_err();
        assert_eq!((taken.kind(), taken.code()), (ErrorKind::Conflict, Some("BucketAlreadyOwnedByYou")));
        for name in ["ab", "-ab", "ab-", "Media", "a.b", "../x", &"a".repeat(64)] {
            let refused = store.create_bucket(name).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{name}");
        }
        LocalBucket::open_in(&store, "media").await.unwrap();
        assert_eq!(store.buckets().await.unwrap(), std::slice::from_ref(&media));
        assert_eq!(store.bucket_info("media").await.unwrap(), Some(media));

        let bucket = store.bucket("media").unwrap();
        bucket.put(PutRequest::new("key", "1")).await.unwrap();
        let used = store.delete_bucket("media").await.unwrap_err();
        assert_eq!((used.kind(), used.code()), (ErrorKind::Conflict, Some("BucketNotEmpty")));
        bucket.delete(DeleteRequest::new("key")).await.unwrap();
        store.delete_bucket("media").await.unwrap();
        LocalBucket::open_in(&store, "opened").await.unwrap();
        assert!(store.bucket_info("opened").await.unwrap().is_some());
        for result in [
            store.delete_bucket("media").await,
            bucket.put(PutRequest::new("key", "1")).await.map(drop),
            bucket.head(HeadRequest::new("key")).await.map(drop),
            bucket.delete(DeleteRequest::new("key")).await,
        ] {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::NoSuchBucket);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_processes_see_what_each_other_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let one = LocalBucket::open(folder.path(), "media").await.unwrap();
        let two = LocalBucket::open(folder.path(), "media").await.unwrap();
        let writers = [one.clone(), two.clone()].into_iter().enumerate().map(|(id, bucket)| {
            tokio::spawn(async move {
                for i in 0..30 {
                    bucket.put(PutRequest::new(format!("{id}/{i}"), pattern(100 + i))).await.unwrap();
                    bucket.put(PutRequest::new("shared", pattern(100_000))).await.unwrap();
                    assert_eq!(bytes(&bucket, "shared").await, Some(pattern(100_000)));
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        for (bucket, other) in [(&one, 1), (&two, 0)] {
            assert_eq!(bytes(bucket, &format!("{other}/29")).await, Some(pattern(129)));
        }
        assert_eq!(files(one.store()).await.1, 0);
        drop((one, two));
        let store = LocalStore::open(folder.path()).await.unwrap();
        assert_eq!(
            store.bucket("media").unwrap().head(HeadRequest::new("0/0")).await.unwrap().unwrap().size,
            100
        );
        assert_eq!(files(&store).await, (1, 0));
    }
}
