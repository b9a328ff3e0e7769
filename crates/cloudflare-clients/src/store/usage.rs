//! The amount of data in a store.

use super::local_store::LocalStore;
use crate::error::Result;

/// The amount of data in a [`LocalStore`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreUsage {
    /// Number of objects in all buckets.
    pub objects: u64,
    /// Total size of these objects, in bytes.
    pub object_bytes: u64,
    /// Number of keys in all KV namespaces, some of which may have expired.
    pub pairs: u64,
    /// Total size of the values of these keys, in bytes.
    pub pair_bytes: u64,
    /// Number of multipart uploads that are neither completed nor aborted.
    pub uploads: u64,
}

impl LocalStore {
    /// Counts the content of the store. This reads every row of the tables of objects and of keys, off the
    /// async threads: about 0.2 s of CPU time per million rows.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`](crate::ErrorKind::Storage).
    pub async fn usage(&self) -> Result<StoreUsage> {
        self.shared()
            .readers
            .read(|connection| {
                // One statement, so that all counts are of one moment.
                let query = "SELECT * FROM (SELECT count(*), coalesce(sum(size), 0) FROM objects), \
                             (SELECT count(*), coalesce(sum(size), 0) FROM pairs), (SELECT count(*) FROM uploads)";
                Ok(connection.query_row(query, (), |row| {
                    Ok(StoreUsage {
                        objects: row.get(0)?,
                        object_bytes: row.get(1)?,
                        pairs: row.get(2)?,
                        pair_bytes: row.get(3)?,
                        uploads: row.get(4)?,
                    })
                })?)
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::{Namespace as _, PutRequest as KvPut};
    use crate::r2::{Bucket as _, CreateMultipartUploadRequest, PutRequest};
    use crate::store::LocalNamespace;
    use crate::store::testing::bucket_with_clock;

    #[tokio::test]
    async fn what_is_stored_is_counted() {
        let (_folder, bucket, _) = bucket_with_clock().await;
        let store = bucket.store().clone();
        assert_eq!(store.usage().await.unwrap(), StoreUsage::default());
        bucket.put(PutRequest::new("a", "12345")).await.unwrap();
        bucket.put(PutRequest::new("b", vec![0; 100_000])).await.unwrap();
        bucket.create_multipart_upload(CreateMultipartUploadRequest::new("c")).await.unwrap();
        let namespace = LocalNamespace::open_in(&store, "local").await.unwrap();
        namespace.put(KvPut::new("k", "123")).await.unwrap();
        let usage = store.usage().await.unwrap();
        assert_eq!((usage.objects, usage.object_bytes), (2, 100_005));
        assert_eq!((usage.pairs, usage.pair_bytes, usage.uploads), (1, 3, 1));
    }
}
