//! The `Bucket` implementation of the embedded store.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::Connection;

use super::blobs::PendingBlob;
use super::customer_key::check_read;
use super::database::StoreResult;
use super::key::Key;
use super::local_store::LocalStore;
use super::objects::{self, Metadata, NewObject, StoredRow, bucket_id};
use super::read::Found;
use super::receive::{MAX_INLINE, Received, SealedWith, receive};
use super::segments::{new_body_of, places_of};
use super::writer::Write;
use super::{cors, lifecycle, listing, multipart, read};
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::error_code::{INVALID_PART_NUMBER, INVALID_RANGE};
use crate::model::r2::limits::validate_delete_count;
use crate::model::r2::multipart::validate_part_number;
use crate::r2::{
    AbortMultipartUploadRequest, Account, Bucket, BucketAddress, Checksums, CompleteMultipartUploadRequest,
    Conditional, CopyRequest, CorsPolicy, CreateMultipartUploadRequest, CreatedMultipartUpload,
    DeleteManyRequest, DeleteRequest, GetRequest, HeadRequest, LifecyclePolicy, ListMultipartUploadsRequest,
    ListPage, ListPartsRequest, ListRequest, MultipartUploadsPage, Object, ObjectBody, ObjectChecksum,
    PartsPage, PutRequest, R2Action, ServedRange, StoredObject, UploadPartCopyRequest, UploadPartRequest,
    UploadedPart,
};
use crate::runtime::Runtime;

/// A bucket of a [`LocalStore`] with R2's behaviour: strongly consistent, conditions checked atomically with
/// the write, keys identified by their NFC form, and metadata, checksums and storage classes stored.
///
/// Differences from R2: a key may be written more than once per second, the length of a body need not be
/// known, a part that fails to be replaced keeps its old content, and a copy has the etag of its source even
/// if that was uploaded in parts. A part copy takes only the bytes of its source.
#[derive(Debug, Clone)]
pub struct LocalBucket {
    pub(super) store: LocalStore,
    pub(super) name: String,
}

impl LocalBucket {
    pub(super) fn new(store: LocalStore, name: String) -> Self {
        Self { store, name }
    }

    /// Returns the name of the bucket.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the store that contains the bucket.
    pub fn store(&self) -> &LocalStore {
        &self.store
    }

    pub(super) async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, i64) -> StoreResult<T> + Send + 'static,
    {
        lifecycle::sweep_if_due(self.store.shared());
        let name = self.name.clone();
        self.store
            .shared()
            .readers
            .read(move |connection| {
                let bucket = bucket_id(connection, &name)?;
                work(connection, bucket)
            })
            .await
    }

    /// Like `read`, for lookups that read few pages.
    async fn look_up<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Connection, i64) -> StoreResult<T> + Send + 'static,
    {
        lifecycle::sweep_if_due(self.store.shared());
        let name = self.name.clone();
        let work = move |connection: &Connection| work(connection, bucket_id(connection, &name)?);
        self.store.shared().readers.look_up(work).await
    }

    pub(super) async fn write<T, F>(&self, files: Vec<PendingBlob>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Write<'_>, i64) -> StoreResult<T> + Send + 'static,
    {
        lifecycle::sweep_if_due(self.store.shared());
        let name = self.name.clone();
        let work = move |write: &Write<'_>| {
            let bucket = bucket_id(write, &name)?;
            work(write, bucket)
        };
        self.store.shared().writer.write(files, work).await
    }

    /// Like `write`, for operations that free space.
    async fn make_room<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Write<'_>, i64) -> StoreResult<T> + Clone + Send + 'static,
    {
        lifecycle::sweep_if_due(self.store.shared());
        let name = self.name.clone();
        let work = move |write: &Write<'_>| {
            let bucket = bucket_id(write, &name)?;
            work(write, bucket)
        };
        self.store.shared().writer.make_room(work).await
    }
}

#[async_trait]
impl Bucket for LocalBucket {
    fn runtime(&self) -> Arc<dyn Runtime> {
        self.store.runtime().clone()
    }

    fn account(&self) -> Result<Arc<dyn Account>> {
        Ok(Arc::new(self.store.clone()))
    }

    fn has_reliable_transport(&self) -> bool {
        true
    }

    /// The account of the address is the store.
    fn address(&self) -> Option<BucketAddress> {
        Some(BucketAddress::new(self.store.path().to_str()?, &self.name))
    }

    async fn head(&self, request: HeadRequest) -> Result<Option<Object>> {
        request.validate()?;
        let key = Key::new(&request.key)?;
        let part_number = request.part_number;
        let find = move |connection: &Connection, bucket| {
            let Some(StoredRow { mut object, body }) = objects::find(connection, bucket, &key)? else {
                return Ok(None);
            };
            check_read(object.ssec_key_md5.as_deref(), request.ssec_key.as_ref())?;
            if let Some(number) = part_number {
                serve_part(connection, &mut object, body, number)?;
            }
            Ok(Some(object))
        };
        match part_number {
            // This reads the rows of all parts.
            Some(_) => self.read(find).await,
            None => self.look_up(find).await,
        }
    }

    async fn get(&self, request: GetRequest) -> Result<Option<ObjectBody>> {
        request.validate()?;
        let key = Key::new(&request.key)?;
        let GetRequest { only_if, range, part_number, ssec_key, .. } = request;
        lifecycle::sweep_if_due(self.store.shared());
        let name = self.name.clone();
        let given = ssec_key.clone();
        let find = Arc::new(move |connection: &Connection| {
            objects::find_with_segment(connection, &name, &key, |StoredRow { mut object, body }, segment| {
                check_read(object.ssec_key_md5.as_deref(), given.as_ref())?;
                let checked = only_if.check_read(Some(&object));
                checked.map_err(|error| error.with_object(&object))?;
                if let Some(number) = part_number {
                    serve_part(connection, &mut object, body, number)?;
                }
                if let Some(range) = range {
                    let served = range.resolve(object.size);
                    object.range = Some(
                        served.map_err(|error| error.with_code(INVALID_RANGE.name).with_object(&object))?,
                    );
                }
                let range = object.range.unwrap_or(ServedRange { offset: 0, length: object.size });
                let inline = segment.inline(&object.key, object.size, range, given.as_ref())?;
                Ok(Found { row: object, body, range, inline })
            })
        });
        let shared = self.store.shared();
        let found = match part_number {
            // This reads the rows of all parts.
            Some(_) => read::found_large(shared, &request.key, ssec_key, find).await?,
            None => read::found(shared, &request.key, ssec_key, find).await?,
        };
        Ok(found.map(|(object, body)| ObjectBody::new(object, body)))
    }

    async fn put(&self, request: PutRequest) -> Result<StoredObject> {
        request.validate()?;
        let key = Key::new(&request.key)?;
        let metadata =
            Metadata::new(&request.http_metadata, &request.custom_metadata, request.storage_class)?;
        let (only_if, ssec_key) = (request.only_if, request.ssec_key);
        if request.body.content_length().is_none_or(|length| length > MAX_INLINE as u64) {
            // Detects a missing bucket before a large body is received. The write looks it up again: in the
            // meantime the bucket may be deleted, and its id reused.
            self.look_up(|_, _| Ok(())).await?;
        }
        let sealed_with = SealedWith::new(ssec_key.as_ref(), 1);
        let Received { segment, checksum, file } =
            receive(&self.store.shared().blobs, request.body, request.checksum, None, sealed_with).await?;
        let checksum = checksum.map(ObjectChecksum::FullObject);
        let ssec_key_md5 = ssec_key.map(|key| key.md5());
        let name = self.name.clone();
        self.write(file.into_iter().collect(), move |write, bucket| {
            objects::check_write(write, bucket, &key, &only_if)?;
            let body = new_body_of(write, &segment)?;
            let new = NewObject {
                key,
                size: segment.size,
                etag: segment.md5.to_hex(),
                checksum,
                metadata,
                body,
                ssec_key_md5,
            };
            let stored = objects::replace(write, bucket, new)?;
            note_stored(write, R2Action::PutObject, &name, &stored);
            Ok(stored)
        })
        .await
    }

    async fn delete(&self, request: DeleteRequest) -> Result<()> {
        let (key, name) = (Key::new(&request.key)?, self.name.clone());
        self.make_room(move |write, bucket| delete(write, bucket, &name, key)).await
    }

    async fn delete_many(&self, request: DeleteManyRequest) -> Result<Vec<Result<()>>> {
        validate_delete_count(request.keys.len())?;
        let keys: Vec<Result<Key>> = request.keys.iter().map(|key| Key::new(key)).collect();
        let name = self.name.clone();
        self.make_room(move |write, bucket| {
            keys.into_iter()
                .map(|key| {
                    Ok(match key {
                        Ok(key) => {
                            delete(write, bucket, &name, key)?;
                            Ok(())
                        }
                        Err(error) => Err(error),
                    })
                })
                .collect()
        })
        .await
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage> {
        let query = listing::ObjectsQuery::new(&request)?;
        self.read(move |connection, bucket| query.run(connection, bucket)).await
    }

    async fn copy(&self, request: CopyRequest) -> Result<StoredObject> {
        request.validate()?;
        let from = self.or_named(request.source_bucket.clone());
        let source = Key::new(&request.source)?;
        self.copy_from(&from, &source, &request).await
    }

    async fn create_multipart_upload(
        &self,
        request: CreateMultipartUploadRequest,
    ) -> Result<CreatedMultipartUpload> {
        request.validate()?;
        let key = Key::new(&request.key)?;
        let metadata =
            Metadata::new(&request.http_metadata, &request.custom_metadata, request.storage_class)?;
        let create = move |write: &Write<'_>, bucket| {
            let (algorithm, ssec_key) = (request.checksum_algorithm, request.ssec_key.as_ref());
            multipart::create(write, bucket, &key, &metadata, algorithm, ssec_key)
        };
        Ok(CreatedMultipartUpload { upload_id: self.write(Vec::new(), create).await? })
    }

    async fn upload_part(&self, request: UploadPartRequest) -> Result<UploadedPart> {
        let key = Key::new(&request.key)?;
        let part_number = request.part_number;
        validate_part_number(part_number)?;
        let upload_id = request.upload_id;
        // Detects a missing upload before the body is received.
        let (looked_up, id, given) = (key.clone(), upload_id.clone(), request.checksum);
        let ssec_key = request.ssec_key;
        let sealed_with = SealedWith::new(ssec_key.as_ref(), part_number);
        let looked_at = ssec_key.clone();
        let find = move |connection: &Connection, bucket| {
            let upload = multipart::find(connection, bucket, &looked_up, &id)?;
            upload.check_key(looked_at.as_ref())?;
            Ok(upload.algorithm_of_parts(given)?)
        };
        let asked = self.look_up(find).await?;
        let Received { segment, checksum, file } =
            receive(&self.store.shared().blobs, request.body, given, asked, sealed_with).await?;
        self.write(file.into_iter().collect(), move |write, bucket| {
            let part = multipart::NewPart { segment: &segment, checksum, ssec_key: ssec_key.as_ref() };
            multipart::put_part(write, bucket, &key, &upload_id, part_number, &part)
        })
        .await
    }

    async fn upload_part_copy(&self, request: UploadPartCopyRequest) -> Result<UploadedPart> {
        request.validate()?;
        let from = self.or_named(request.source_bucket);
        let (range, only_if) = (request.range, request.source_only_if);
        let body = from.source_body(&request.source, range, only_if, request.source_ssec_key).await?;
        // The body reads the object that was found, even if the source is replaced in the meantime.
        let mut part = UploadPartRequest::new(request.key, request.upload_id, request.part_number, body);
        part.ssec_key = request.ssec_key;
        self.upload_part(part).await
    }

    async fn complete_multipart_upload(
        &self,
        mut request: CompleteMultipartUploadRequest,
    ) -> Result<StoredObject> {
        let key = Key::new(&request.key)?;
        request.only_if.validate()?;
        request.validate_checksum()?;
        request.parts = multipart::check_parts(request.parts)?;
        let name = self.name.clone();
        self.write(Vec::new(), move |write, bucket| {
            let completed = multipart::complete(write, bucket, &key, &request)?;
            if let Ok(stored) = &completed {
                note_stored(write, R2Action::CompleteMultipartUpload, &name, stored);
            }
            Ok(completed)
        })
        .await?
    }

    async fn abort_multipart_upload(&self, request: AbortMultipartUploadRequest) -> Result<()> {
        match self.abort_known_multipart_upload(request).await {
            Err(error) if error.kind() != ErrorKind::NoSuchUpload => Err(error),
            _ => Ok(()),
        }
    }

    async fn list_parts(&self, request: ListPartsRequest) -> Result<PartsPage> {
        let key = Key::new(&request.key)?;
        let limit = listing::check_limit(request.limit)?;
        self.read(move |connection, bucket| {
            let upload = multipart::find(connection, bucket, &key, &request.upload_id)?;
            multipart::list_parts(connection, &upload, request.part_number_marker, limit)
        })
        .await
    }

    async fn list_multipart_uploads(
        &self,
        request: ListMultipartUploadsRequest,
    ) -> Result<MultipartUploadsPage> {
        let query = listing::UploadsQuery::new(request)?;
        self.read(move |connection, bucket| query.run(connection, bucket)).await
    }

    async fn cors(&self) -> Result<Option<CorsPolicy>> {
        self.look_up(cors::read).await
    }

    async fn put_cors(&self, policy: CorsPolicy) -> Result<()> {
        policy.validate()?;
        let json = policy.to_s3_json()?;
        self.write(Vec::new(), move |write, bucket| cors::write(write, bucket, Some(&json))).await
    }

    async fn delete_cors(&self) -> Result<()> {
        self.make_room(|write, bucket| cors::write(write, bucket, None)).await
    }

    async fn lifecycle(&self) -> Result<Option<LifecyclePolicy>> {
        self.look_up(lifecycle::policy).await
    }

    async fn put_lifecycle(&self, policy: LifecyclePolicy) -> Result<()> {
        policy.validate()?;
        let json = policy.to_cloudflare_json()?;
        self.write(Vec::new(), move |write, bucket| lifecycle::set_policy(write, bucket, &json)).await?;
        self.store.shared().lifecycle_was_set();
        Ok(())
    }

    async fn delete_lifecycle(&self) -> Result<()> {
        let json = LifecyclePolicy::default().to_cloudflare_json()?;
        self.make_room(move |write, bucket| lifecycle::set_policy(write, bucket, &json)).await
    }
}

impl LocalBucket {
    /// Deletes an object if it meets a condition, which is checked atomically with the delete. R2's binding
    /// has no conditional delete, and none is known for its S3 API.
    ///
    /// # Errors
    /// [`ErrorKind::PreconditionFailed`] if the object does not meet the condition, or is missing and the
    /// condition requires an object.
    pub async fn delete_if(&self, key: &str, only_if: Conditional) -> Result<()> {
        only_if.validate()?;
        let (key, name) = (Key::new(key)?, self.name.clone());
        self.make_room(move |write, bucket| {
            objects::check_write(write, bucket, &key, &only_if)?;
            delete(write, bucket, &name, key)
        })
        .await
    }

    /// Returns the metadata of an object without requiring the customer's key that it may be encrypted with.
    /// It serves to check conditions on an object that is about to be replaced.
    ///
    /// # Errors
    /// The errors of `head`.
    pub async fn head_without_key(&self, key: &str) -> Result<Option<Object>> {
        let key = Key::new(key)?;
        self.read(
            move |connection, bucket| Ok(objects::find(connection, bucket, &key)?.map(|row| row.object)),
        )
        .await
    }

    /// Like [`abort_multipart_upload`](Bucket::abort_multipart_upload), but distinguishes an upload that has
    /// ended from one that never existed, for 7 days.
    ///
    /// # Errors
    /// [`ErrorKind::NoSuchUpload`] if this key never had such an upload, or it ended more than 7 days ago.
    pub async fn abort_known_multipart_upload(&self, request: AbortMultipartUploadRequest) -> Result<()> {
        let key = Key::new(&request.key)?;
        let upload_id = request.upload_id;
        self.make_room(move |write, bucket| multipart::abort(write, bucket, &key, &upload_id)).await
    }

    /// The bucket of this name in the same store, or this one.
    fn or_named(&self, name: Option<String>) -> Self {
        name.map_or_else(|| self.clone(), |name| Self::new(self.store.clone(), name))
    }
}

/// Deletes an object, if it exists.
fn delete(write: &Write<'_>, bucket: i64, name: &str, key: Key) -> StoreResult<()> {
    if objects::remove(write, bucket, &key)? {
        write.note(R2Action::DeleteObject, name, &key.into_given(), |event| event);
    }
    Ok(())
}

fn note_stored(write: &Write<'_>, action: R2Action, bucket: &str, stored: &StoredObject) {
    write.note(action, bucket, &stored.key, |event| {
        event.with_object(stored.size.unwrap_or_default(), &stored.etag)
    });
}

/// Sets the range of the object to that of a part. Parts are counted from 1 in order, whatever numbers they
/// were uploaded with.
fn serve_part(connection: &Connection, object: &mut Object, body: i64, number: u16) -> StoreResult<()> {
    let none = |object: &Object, problem: String| {
        Error::new(ErrorKind::RangeNotSatisfiable, problem)
            .with_code(INVALID_PART_NUMBER.name)
            .with_object(object)
    };
    // Only the etag of a multipart object tells the number of its parts.
    if !object.etag.contains('-') {
        return match number {
            1 => Ok(()),
            _ => Err(none(
                object,
                format!("part {number} does not exist: the object was not uploaded in parts"),
            )
            .into()),
        };
    }
    let ranges: Vec<_> = places_of(connection, body)?.into_iter().map(|place| place.range).collect();
    let Some(range) =
        ranges.get(usize::from(number) - 1).filter(|range| range.length > 0 || ranges.len() == 1)
    else {
        let parts = ranges.len();
        return Err(none(
            object,
            format!("part {number} does not exist or is empty: the object has {parts} parts"),
        )
        .into());
    };
    object.parts_count = u16::try_from(ranges.len()).ok();
    // An empty range cannot be expressed: the only part of an empty object has none.
    object.range = Some(*range).filter(|range| range.length > 0);
    if object.range.is_some() {
        object.checksums = Checksums::default();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::{StreamExt as _, stream};

    use super::*;
    use crate::r2::{Body, Checksum, ChecksumAlgorithm, CustomMetadata, HttpMetadata, Range, StorageClass};
    use crate::store::testing::{bucket, bucket_with_clock, bytes, files, pattern};

    fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
        result.err().map(|error| error.kind())
    }

    #[tokio::test]
    async fn a_cache_expiry_that_no_date_names_is_refused() {
        use std::time::UNIX_EPOCH;
        let (_folder, bucket) = bucket().await;
        let last = UNIX_EPOCH + Duration::from_secs(crate::time::LAST_SECOND);
        for (time, taken) in [
            (UNIX_EPOCH, true),
            (last, true),
            (UNIX_EPOCH - Duration::from_secs(1), false),
            (last + Duration::from_secs(1), false),
        ] {
            let mut request = PutRequest::new("key", "v");
            request.http_metadata.cache_expiry = Some(time);
            let refused = kind(bucket.put(request).await);
            assert_eq!(refused, (!taken).then_some(ErrorKind::InvalidInput), "{time:?}");
        }
    }

    #[tokio::test]
    async fn bodies_of_every_size_come_back_whole_and_in_ranges() {
        let (_folder, bucket) = bucket().await;
        for size in [0, 1, 64 * 1024, 64 * 1024 + 1, 3 * 1024 * 1024 + 7] {
            let body = pattern(size);
            let stored = bucket.put(PutRequest::new("key", body.clone())).await.unwrap();
            assert_eq!(stored.etag, Checksum::of(ChecksumAlgorithm::Md5, &body).to_hex());
            assert_eq!(stored.size, Some(size as u64));
            assert_eq!(bytes(&bucket, "key").await, Some(body.clone()), "{size} bytes");
            for range in
                [Range::from(0..1), Range::from(size as u64 / 2..), Range::Suffix { suffix: 300_000 }]
            {
                let request = GetRequest { range: Some(range), ..GetRequest::new("key") };
                let got = bucket.get(request).await;
                let Ok(served) = range.resolve(size as u64) else {
                    assert_eq!(kind(got), Some(ErrorKind::RangeNotSatisfiable));
                    continue;
                };
                let got = got.unwrap().unwrap();
                assert_eq!(got.object.range, Some(served));
                let [start, length] =
                    [served.offset, served.length].map(|count| usize::try_from(count).unwrap());
                assert_eq!(got.body.bytes().await.unwrap(), body[start..start + length]);
            }
        }
        bucket.delete(DeleteRequest::new("key")).await.unwrap();
        bucket.delete(DeleteRequest::new("key")).await.unwrap();
        assert_eq!(bytes(&bucket, "key").await, None);
        assert_eq!(files(bucket.store()).await, (0, 0));
    }

    #[tokio::test]
    async fn streams_of_unknown_length_are_stored_and_broken_ones_are_not() {
        let (_folder, bucket) = bucket().await;
        let pieces = |count: usize, end: Option<Error>| {
            stream::iter((0..count).map(|_| Ok(pattern(100_000).into())).chain(end.map(Err)))
        };
        let put = |body| bucket.put(PutRequest::new("key", body));
        put(Body::from_stream(pieces(30, None), None)).await.unwrap();
        assert_eq!(bytes(&bucket, "key").await, Some(pattern(100_000).repeat(30)));

        let broken = Error::new(ErrorKind::Connection, "gone");
        assert_eq!(
            kind(put(Body::from_stream(pieces(30, Some(broken)), None)).await),
            Some(ErrorKind::Connection)
        );
        for (length, what) in
            [(3_000_000, "ended after 2900000 bytes"), (2_850_000, "has at least 2900000 bytes")]
        {
            let error = put(Body::from_stream(pieces(29, None), Some(length))).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.message().contains(&format!("{what}, but {length} were announced")), "{error}");
        }
        assert_eq!(bytes(&bucket, "key").await, Some(pattern(100_000).repeat(30)));
        let huge = Body::from_stream(stream::empty(), Some(5 << 30));
        assert_eq!(put(huge).await.unwrap_err().code(), Some("EntityTooLarge"));
        assert_eq!(files(bucket.store()).await, (1, 0));
    }

    #[tokio::test]
    async fn a_put_that_nobody_waits_for_any_more_leaves_nothing() {
        let (_folder, bucket) = bucket().await;
        let stalled = stream::iter((0..30).map(|_| Ok(pattern(100_000).into()))).chain(stream::pending());
        let put = bucket.put(PutRequest::new("key", Body::from_stream(stalled, Some(4_000_000))));
        assert!(tokio::time::timeout(Duration::from_millis(100), put).await.is_err());
        // The file that it was writing at that moment is removed once it is written.
        while files(bucket.store()).await != (0, 0) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(bytes(&bucket, "key").await, None);
    }

    #[tokio::test]
    async fn metadata_checksums_and_storage_class_are_kept() {
        let (_folder, bucket, clock) = bucket_with_clock().await;
        let http = HttpMetadata {
            content_type: Some("video/mp4".into()),
            cache_expiry: Some(std::time::UNIX_EPOCH + Duration::from_secs(1_900_000_000)),
            ..HttpMetadata::default()
        };
        let custom: CustomMetadata = [("uploadedBy", "größe ☃")].into_iter().collect();
        let sha256 = Checksum::of(ChecksumAlgorithm::Sha256, b"hello");
        let request = || PutRequest {
            http_metadata: http.clone(),
            custom_metadata: custom.clone(),
            storage_class: Some(StorageClass::InfrequentAccess),
            checksum: Some(sha256),
            ..PutRequest::new("key", "hello")
        };
        let stored = bucket.put(request()).await.unwrap();
        let object = bucket.head(HeadRequest::new("key")).await.unwrap().unwrap();
        assert_eq!(object.http_metadata.as_ref(), Some(&http));
        assert_eq!(object.custom_metadata.as_ref(), Some(&custom));
        assert_eq!(object.storage_class, Some(StorageClass::InfrequentAccess));
        assert_eq!(object.checksums.get(ChecksumAlgorithm::Sha256), Some(&sha256));
        assert!(object.checksums.get(ChecksumAlgorithm::Md5).is_some());
        assert_eq!(object.version.as_ref().map(String::len), Some(32));
        assert_eq!(object.uploaded, crate::Runtime::now(&clock));
        assert_eq!(StoredObject::from(object), stored);

        for body in [pattern(5), pattern(200_000)] {
            let refused = bucket.put(PutRequest { body: body.into(), ..request() }).await.unwrap_err();
            assert_eq!((refused.kind(), refused.code()), (ErrorKind::Integrity, Some("BadDigest")));
        }
        assert_eq!(bytes(&bucket, "key").await, Some(b"hello".to_vec()));
    }

    #[tokio::test]
    async fn of_many_that_create_one_key_one_succeeds() {
        let (_folder, bucket) = bucket().await;
        let puts = (0..20).map(|i| {
            let bucket = bucket.clone();
            let only_if = Conditional::new().etag_does_not_match("*");
            tokio::spawn(async move {
                bucket.put(PutRequest { only_if, ..PutRequest::new("key", pattern(70_000 + i)) }).await
            })
        });
        let mut stored = Vec::new();
        for put in puts.collect::<Vec<_>>() {
            match put.await.unwrap() {
                Ok(object) => stored.push(object.etag),
                Err(error) => assert_eq!(error.kind(), ErrorKind::PreconditionFailed),
            }
        }
        assert_eq!(stored, [bucket.head(HeadRequest::new("key")).await.unwrap().unwrap().etag]);
        assert_eq!(files(bucket.store()).await, (1, 0));
        let unchanged = GetRequest {
            only_if: Conditional::new().etag_does_not_match(&stored[0]),
            ..GetRequest::new("key")
        };
        assert_eq!(kind(bucket.get(unchanged).await), Some(ErrorKind::NotModified));
    }

    #[tokio::test]
    async fn the_forms_of_a_key_are_one_object_listed_as_last_uploaded() {
        let (_folder, bucket) = bucket().await;
        let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}");
        bucket.put(PutRequest::new(composed, "1")).await.unwrap();
        bucket.put(PutRequest::new(decomposed, "2")).await.unwrap();
        assert_eq!(bytes(&bucket, composed).await, Some(b"2".to_vec()));
        let page =
            bucket.list(ListRequest { prefix: composed.into(), ..ListRequest::default() }).await.unwrap();
        let keys: Vec<&str> = page.objects.iter().map(|object| object.key.as_str()).collect();
        assert_eq!(keys, [decomposed]);
    }

    #[tokio::test]
    async fn hostile_keys_are_keys_and_impossible_ones_are_refused() {
        let (_folder, bucket) = bucket().await;
        let longest = "k".repeat(1024);
        for key in ["a//b", "/a", "a/../b", ".", "..", "+", "%2F", "\0", "\u{7f}\n", "👩‍🚀", &longest]
        {
            bucket.put(PutRequest::new(key, key.to_owned())).await.unwrap();
            assert_eq!(bytes(&bucket, key).await, Some(key.as_bytes().to_vec()));
        }
        for key in ["", &(longest + "k")] {
            assert_eq!(kind(bucket.put(PutRequest::new(key, "")).await), Some(ErrorKind::InvalidInput));
        }
        let results = bucket
            .delete_many(DeleteManyRequest::new(&["a//b".into(), String::new(), "missing".into()]))
            .await
            .unwrap();
        let kinds: Vec<_> = results.into_iter().map(kind).collect();
        assert_eq!(kinds, [None, Some(ErrorKind::InvalidInput), None]);
        assert_eq!(bytes(&bucket, "a//b").await, None);
    }

    #[tokio::test]
    async fn a_body_under_way_is_read_to_its_end_when_its_object_is_replaced() {
        let (_folder, bucket) = bucket().await;
        bucket.put(PutRequest::new("key", pattern(2_000_000))).await.unwrap();
        let request = GetRequest::new("key");
        let object = bucket.get(request).await.unwrap().unwrap();
        bucket.put(PutRequest::new("key", "new")).await.unwrap();
        bucket.delete(DeleteRequest::new("key")).await.unwrap();
        assert_eq!(object.body.bytes().await.unwrap(), pattern(2_000_000));
    }
}
