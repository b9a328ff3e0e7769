//! The buckets of a store.

use std::path::Path;
use std::str::FromStr as _;
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::Row;

use super::bucket::LocalBucket;
use super::database::{StoreResult, from_millis, malformed, to_millis};
use super::listing::check_limit;
use super::local_store::LocalStore;
use super::multipart;
use super::objects::{bucket_id, bucket_storage_class, no_such_bucket};
use super::writer::Write;
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::error_code::{BUCKET_ALREADY_OWNED_BY_YOU, BUCKET_NOT_EMPTY};
use crate::model::r2::validate_bucket_name;
use crate::r2::{Account, BucketInfo, BucketsPage, CreateBucketRequest, ListBucketsRequest, LocationHint};
use crate::runtime::Runtime;

/// The region of all buckets, as in R2.
const REGION: &str = "auto";

/// The columns that [`read_bucket`] reads, in order.
macro_rules! bucket_columns {
    () => {
        "name, created, location, storage_class"
    };
}
impl LocalStore {
    /// Creates a bucket. To set a location or a storage class, use [`Buckets`](crate::r2::Buckets).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if R2 does not allow the name (3 to 63 lower-case letters, digits and
    /// hyphens, with no hyphen at the ends); [`ErrorKind::Conflict`] with the code `BucketAlreadyOwnedByYou`
    /// if the bucket exists.
    pub async fn create_bucket(&self, name: &str) -> Result<BucketInfo> {
        Account::create(self, CreateBucketRequest::new(name)).await
    }

    /// Deletes an empty bucket. Unfinished multipart uploads are aborted.
    ///
    /// # Errors
    /// [`ErrorKind::NoSuchBucket`] if the bucket is missing; [`ErrorKind::Conflict`] with the code
    /// `BucketNotEmpty` if it has objects.
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

    /// Returns all buckets, sorted by name.
    pub async fn buckets(&self) -> Result<Vec<BucketInfo>> {
        self.shared()
            .readers
            .read(|connection| {
                let query = concat!("SELECT ", bucket_columns!(), " FROM buckets ORDER BY name");
                let mut statement = connection.prepare_cached(query)?;
                let rows = statement.query_and_then((), read_bucket)?;
                rows.collect()
            })
            .await
    }

    /// Returns a bucket, or `None` if it does not exist.
    pub async fn bucket_info(&self, name: &str) -> Result<Option<BucketInfo>> {
        let name = check_bucket_name(name)?;
        self.shared()
            .readers
            .look_up(move |connection| {
                let query = concat!("SELECT ", bucket_columns!(), " FROM buckets WHERE name = ?1");
                let mut statement = connection.prepare_cached(query)?;
                statement.query_and_then((&name,), read_bucket)?.next().transpose()
            })
            .await
    }

    /// Returns a handle for a bucket. It does not check that the bucket exists: operations on a missing
    /// bucket fail with [`ErrorKind::NoSuchBucket`].
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if R2 does not allow the name.
    pub fn bucket(&self, name: &str) -> Result<LocalBucket> {
        Ok(LocalBucket::new(self.clone(), check_bucket_name(name)?))
    }
}

impl LocalBucket {
    /// Opens the store in a folder and a bucket in it. Both are created if they do not exist.
    ///
    /// # Errors
    /// The errors of [`LocalStore::open`] and [`LocalStore::create_bucket`], except that the bucket may
    /// exist.
    pub async fn open(folder: impl AsRef<Path>, name: &str) -> Result<Self> {
        Self::open_in(&LocalStore::open(folder).await?, name).await
    }

    /// Opens a bucket of a store. The bucket is created if it does not exist.
    ///
    /// # Errors
    /// The errors of [`LocalStore::create_bucket`], except that the bucket may exist.
    pub async fn open_in(store: &LocalStore, name: &str) -> Result<Self> {
        let bucket = store.bucket(name)?;
        // An existing bucket can be opened even if the store is read-only.
        if store.bucket_info(name).await?.is_some() {
            return Ok(bucket);
        }
        match store.create_bucket(name).await {
            Err(error) if error.kind() != ErrorKind::Conflict => Err(error),
            _ => Ok(bucket),
        }
    }
}

fn read_bucket(row: &Row<'_>) -> StoreResult<BucketInfo> {
    let location: Option<String> = row.get(2)?;
    let hint = location.as_deref().map(LocationHint::from_str).transpose();
    Ok(BucketInfo {
        created: Some(from_millis(row.get(1)?)),
        region: Some(REGION.to_owned()),
        location: hint.map_err(|error| malformed("a location", &error))?,
        storage_class: Some(bucket_storage_class(&row.get::<_, String>(3)?)?),
        ..BucketInfo::new(row.get::<_, String>(0)?)
    })
}

#[async_trait]
impl Account for LocalStore {
    async fn create(&self, request: CreateBucketRequest) -> Result<BucketInfo> {
        request.validate()?;
        let CreateBucketRequest { name, location, storage_class } = request;
        let storage_class = storage_class.unwrap_or_default();
        let bucket = name.clone();
        let created = self
            .shared()
            .writer
            .write(Vec::new(), move |write| {
                let inserted = write
                    .prepare_cached(
                        "INSERT INTO buckets (name, created, location, storage_class) VALUES (?1, ?2, ?3, ?4) \
                         ON CONFLICT DO NOTHING",
                    )?
                    .execute((
                        &bucket,
                        to_millis(write.now),
                        location.map(LocationHint::as_str),
                        storage_class.as_str(),
                    ))?;
                Ok((inserted == 1).then_some(BucketInfo {
                    created: Some(write.now),
                    region: Some(REGION.to_owned()),
                    location,
                    storage_class: Some(storage_class),
                    ..BucketInfo::new(bucket)
                }))
            })
            .await?;
        created.ok_or_else(|| {
            Error::new(ErrorKind::Conflict, format!("the bucket {name:?} already exists"))
                .with_code(BUCKET_ALREADY_OWNED_BY_YOU.name)
        })
    }

    async fn list(&self, request: ListBucketsRequest) -> Result<BucketsPage> {
        let limit = check_limit(request.limit)?;
        // The cursor is the last name of the previous page.
        let after = request.cursor.max(request.start_after).unwrap_or_default();
        let prefix = request.prefix;
        let mut buckets: Vec<BucketInfo> = self
            .shared()
            .readers
            .read(move |connection| {
                let query = concat!(
                    "SELECT ",
                    bucket_columns!(),
                    " FROM buckets WHERE name > ?1 AND substr(name, 1, length(?2)) = ?2 ORDER BY name LIMIT ?3"
                );
                let mut statement = connection.prepare_cached(query)?;
                let rows = statement.query_and_then((after, prefix, limit + 1), read_bucket)?;
                rows.collect()
            })
            .await?;
        if buckets.len() <= limit {
            return Ok(BucketsPage::new(buckets));
        }
        buckets.truncate(limit);
        let last = buckets.last().map(|last| last.name.clone()).unwrap_or_default();
        Ok(BucketsPage::new(buckets).truncated_at(last))
    }

    async fn head(&self, name: &str) -> Result<Option<BucketInfo>> {
        self.bucket_info(name).await
    }

    async fn location(&self, name: &str) -> Result<Option<LocationHint>> {
        let bucket = self.bucket_info(name).await?.ok_or_else(|| no_such_bucket(name))?;
        Ok(bucket.location)
    }

    async fn delete(&self, name: &str) -> Result<()> {
        self.delete_bucket(name).await
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        LocalStore::runtime(self).clone()
    }
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

    #[tokio::test]
    async fn what_a_bucket_was_told_is_kept_and_is_that_of_objects_that_say_nothing() {
        use crate::r2::{Buckets, R2Service, StorageClass};

        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path()).await.unwrap();
        let buckets = Buckets::new(store.clone());
        let class = StorageClass::InfrequentAccess;
        let created =
            buckets.create("archive").location(LocationHint::Oc).storage_class(class).await.unwrap();
        assert_eq!((created.location, created.storage_class), (Some(LocationHint::Oc), Some(class)));
        buckets.create("media").await.unwrap();
        drop((store, buckets));

        let store = LocalStore::open(folder.path()).await.unwrap();
        let kept = store.bucket_info("archive").await.unwrap().unwrap();
        assert_eq!((kept.location, kept.storage_class), (Some(LocationHint::Oc), Some(class)));
        for (bucket, expected) in [("archive", class), ("media", StorageClass::Standard)] {
            let r2 = R2Service::new(store.bucket(bucket).unwrap());
            r2.put("whole", "1").await.unwrap();
            r2.put("told", "1").storage_class(StorageClass::Standard).await.unwrap();
            let upload = r2.create_multipart_upload("parts").await.unwrap();
            let part = upload.upload_part(1, "1").await.unwrap();
            upload.complete([part]).await.unwrap();
            for (key, expected) in
                [("whole", expected), ("parts", expected), ("told", StorageClass::Standard)]
            {
                let object = r2.head(key).await.unwrap().unwrap();
                assert_eq!(object.storage_class, Some(expected), "{bucket} {key}");
            }
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
