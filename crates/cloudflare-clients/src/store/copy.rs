//! Copies within the store: of objects, and of their bytes as parts.

use std::collections::VecDeque;
use std::sync::Arc;

use rusqlite::Connection;

use super::blobs::PendingBlob;
use super::bucket::LocalBucket;
use super::customer_key::check_read;
use super::database::StoreResult;
use super::key::Key;
use super::objects::{self, Metadata, NewObject, StoredRow, bucket_id};
use super::read::{self, Found, MAX_LOOKUPS, Piece, lost};
use super::receive::{Received, SealedWith, receive};
use super::segments::{Segment, SegmentPlace, copy_body, new_body, places_of, put_segment, segment_id};
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::error_code::{INVALID_RANGE, NO_SUCH_KEY};
use crate::r2::{
    Body, Conditional, CopyRequest, Hasher, Object, R2Action, Range, ServedRange, SseCustomerKey,
    StoredObject,
};

/// Error code for an object that was replaced between reading its row and its files.
const REPLACED: &str = "ObjectReplaced";

impl LocalBucket {
    /// Returns the bytes that a part is copied from.
    pub(super) async fn source_body(
        &self,
        source: &str,
        range: Option<std::ops::Range<u64>>,
        only_if: Conditional,
        ssec_key: Option<SseCustomerKey>,
    ) -> Result<Body> {
        let key = Key::new(source)?;
        let name = self.name.clone();
        let given = ssec_key.clone();
        let find = move |connection: &Connection| {
            let bucket = bucket_id(connection, &name)?;
            let StoredRow { object, body } = source_row(connection, bucket, &key, &only_if, given.as_ref())?;
            let range = match range.clone() {
                Some(range) => Range::from(range)
                    .resolve(object.size)
                    .map_err(|error| error.with_code(INVALID_RANGE.name).with_object(&object))?,
                None => ServedRange { offset: 0, length: object.size },
            };
            Ok(Some(Found { row: (), body, range, inline: None }))
        };
        match read::found_large(self.store.shared(), source, ssec_key, Arc::new(find)).await {
            Ok(Some(((), body))) => Ok(body),
            Ok(None) => Err(lost(source)),
            Err(error) if error.kind() == ErrorKind::NoSuchKey => Err(error.with_key(source)),
            Err(error) => Err(error),
        }
    }

    /// Copies an object of `from`. If it is replaced in the meantime, the newest one is copied.
    pub(super) async fn copy_from(
        &self,
        from: &Self,
        source: &Key,
        request: &CopyRequest,
    ) -> Result<StoredObject> {
        for _ in 0..MAX_LOOKUPS {
            match self.copy_once(from, source, request).await {
                Err(error) if error.code() == Some(REPLACED) => {}
                Err(error) if error.kind() == ErrorKind::NoSuchKey => {
                    return Err(error.with_key(&request.source));
                }
                result => return result,
            }
        }
        Err(lost(&request.source))
    }

    /// Copies once. Fails with [`REPLACED`] if the source is replaced in the meantime.
    async fn copy_once(&self, from: &Self, source: &Key, request: &CopyRequest) -> Result<StoredObject> {
        let (looked_up, only_if) = (source.clone(), request.source_only_if.clone());
        let source_key = request.source_ssec_key.clone();
        let (found, segments, pieces) = from
            .read(move |connection, bucket| {
                let row = source_row(connection, bucket, &looked_up, &only_if, source_key.as_ref())?;
                let segments = places_of(connection, row.body)?;
                let all = ServedRange { offset: 0, length: row.object.size };
                let pieces = read::pieces(connection, &row.object.key, row.body, all, source_key.as_ref())?;
                Ok((row, segments, pieces))
            })
            .await?;
        let (bytes, files) = if request.source_ssec_key == request.ssec_key {
            self.duplicate(request, segments, pieces).await?
        } else {
            from.encrypt_anew(source, &found.object, request, segments).await?
        };
        let (from, source, request) = (from.name.clone(), source.clone(), request.clone());
        let name = self.name.clone();
        self.write(files, move |write, bucket| {
            let source_key = request.source_ssec_key.as_ref();
            let source_bucket = bucket_id(write, &from)?;
            let row = source_row(write, source_bucket, &source, &request.source_only_if, source_key)?;
            if row.object.version != found.object.version {
                return Err(lost(&request.source).with_code(REPLACED).into());
            }
            let key = Key::new(&request.key)?;
            objects::check_write(write, bucket, &key, &request.only_if)?;
            let object = row.object;
            let (body, etag) = match bytes {
                CopiedBytes::Linked(names) => (copy_body(write, row.body, &names)?, object.etag),
                CopiedBytes::Encrypted(segments) => {
                    let etag = etag_of(&object.etag, &segments);
                    let body = new_body(write)?;
                    for (part_number, segment) in &segments {
                        put_segment(write, segment_id(body, *part_number), segment)?;
                    }
                    (body, etag)
                }
            };
            let (http, custom) = match request.replace_metadata {
                Some(metadata) => (metadata.http_metadata, metadata.custom_metadata),
                None => {
                    (object.http_metadata.unwrap_or_default(), object.custom_metadata.unwrap_or_default())
                }
            };
            let storage_class = request.storage_class.or(object.storage_class);
            let new = NewObject {
                key,
                size: object.size,
                checksum: object.checksums.kept(),
                etag,
                metadata: Metadata::new(&http, &custom, storage_class)?,
                body,
                ssec_key_md5: request.ssec_key.map(|key| key.md5()),
            };
            let stored = objects::replace(write, bucket, new)?;
            write.note(R2Action::CopyObject, &name, &stored.key, |event| {
                event.with_object(object.size, &stored.etag).with_copy_source(from, request.source)
            });
            Ok(stored)
        })
        .await
    }

    /// The bytes of a copy under the same key as its source, or unencrypted like it: both share the files.
    async fn duplicate(
        &self,
        request: &CopyRequest,
        segments: Vec<SegmentPlace>,
        pieces: VecDeque<Piece>,
    ) -> Result<(CopiedBytes, Vec<PendingBlob>)> {
        let blobs = Arc::clone(&self.store.shared().blobs);
        let names: Vec<String> = segments.into_iter().filter_map(|segment| segment.blob).collect();
        let name = request.source.clone();
        // A damaged object is not copied.
        let duplicate = move || {
            if read::verify(&blobs, &name, pieces)? { blobs.duplicate(&names) } else { Ok(None) }
        };
        let Some(files) = self.store.shared().platform.blocking(duplicate).await? else {
            return Err(lost(&request.source).with_code(REPLACED));
        };
        let names = files.iter().map(|file| file.name().to_owned()).collect();
        Ok((CopiedBytes::Linked(names), files))
    }

    /// The bytes of a copy under a different key than its source's, which is in this bucket: each segment is
    /// read and stored again.
    async fn encrypt_anew(
        &self,
        source: &Key,
        object: &Object,
        request: &CopyRequest,
        segments: Vec<SegmentPlace>,
    ) -> Result<(CopiedBytes, Vec<PendingBlob>)> {
        let blobs = &self.store.shared().blobs;
        let (mut encrypted, mut files) = (Vec::with_capacity(segments.len()), Vec::new());
        for SegmentPlace { part_number, range, .. } in segments {
            let (name, looked_up, version) = (self.name.clone(), source.clone(), object.version.clone());
            let source_key = request.source_ssec_key.clone();
            let given = source_key.clone();
            let find = move |connection: &Connection| {
                let bucket = bucket_id(connection, &name)?;
                let unconditional = Conditional::default();
                let row = source_row(connection, bucket, &looked_up, &unconditional, given.as_ref())?;
                let found = Found { row: (), body: row.body, range, inline: None };
                Ok((row.object.version == version).then_some(found))
            };
            let found = read::found_large(self.store.shared(), &request.source, source_key, Arc::new(find));
            let Some(((), body)) = found.await? else {
                return Err(lost(&request.source).with_code(REPLACED));
            };
            let sealed_with = SealedWith::new(request.ssec_key.as_ref(), part_number);
            let Received { segment, file, .. } = receive(blobs, body, None, None, sealed_with).await?;
            encrypted.push((part_number, segment));
            files.extend(file);
        }
        Ok((CopiedBytes::Encrypted(encrypted), files))
    }
}

/// Where the bytes of a copy are.
enum CopiedBytes {
    /// In files of these names, which have the bytes of the source's files, in order.
    Linked(Vec<String>),
    /// In these segments, by part number.
    Encrypted(Vec<(u16, Segment)>),
}

/// The etag of the bytes of an object with `etag` when they are stored in other segments.
fn etag_of(etag: &str, segments: &[(u16, Segment)]) -> String {
    match segments {
        [(_, segment)] if !etag.contains('-') => segment.md5.to_hex(),
        _ => {
            let mut hasher = Hasher::md5();
            for (_, segment) in segments {
                hasher.update(segment.md5.as_bytes());
            }
            format!("{}-{}", hasher.finish().to_hex(), segments.len())
        }
    }
}

fn source_row(
    connection: &Connection,
    bucket: i64,
    key: &Key,
    only_if: &Conditional,
    ssec_key: Option<&SseCustomerKey>,
) -> StoreResult<StoredRow> {
    let row = objects::find(connection, bucket, key)?.ok_or_else(|| {
        Error::new(ErrorKind::NoSuchKey, "the object to copy from does not exist: check the source's key")
            .with_code(NO_SUCH_KEY.name)
    })?;
    check_read(row.object.ssec_key_md5.as_deref(), ssec_key)?;
    only_if.check_write(Some(&row.object))?;
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::r2::{Bucket as _, DeleteRequest, PutRequest};
    use crate::store::testing::{bucket, bytes, files, pattern};

    #[tokio::test]
    async fn copies_share_no_fate_with_their_source() {
        let (_folder, bucket) = bucket().await;
        for size in [10, 100_000] {
            bucket.put(PutRequest::new("source", pattern(size))).await.unwrap();
            let copy = |key: &str| CopyRequest::new("source", key);
            bucket.copy(copy("copy")).await.unwrap();
            bucket.copy(copy("source")).await.unwrap();
            bucket.delete(DeleteRequest::new("source")).await.unwrap();
            assert_eq!(bytes(&bucket, "copy").await, Some(pattern(size)));
            let missing = bucket.copy(copy("other")).await.unwrap_err();
            assert_eq!((missing.kind(), missing.code()), (ErrorKind::NoSuchKey, Some("NoSuchKey")));
            assert_eq!(missing.key(), Some("source"));
        }
        let exists = CopyRequest {
            only_if: Conditional::new().etag_does_not_match("*"),
            ..CopyRequest::new("copy", "copy")
        };
        assert_eq!(bucket.copy(exists).await.unwrap_err().kind(), ErrorKind::PreconditionFailed);
        assert_eq!(files(bucket.store()).await, (1, 0));
    }
}
