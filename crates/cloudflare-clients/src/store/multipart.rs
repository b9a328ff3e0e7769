//! Multipart uploads. Their bytes are in the segments of a body, which becomes the object's: completing moves
//! no bytes.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row};

use super::customer_key;
use super::database::{StoreResult, from_millis, random_hex, to_millis};
use super::key::Key;
use super::objects::{self, Metadata, NewObject, storage_class_in};
use super::segments::{
    Segment, crc_columns, forget_plain_crcs, new_body, put_segment, read_crc, remove_body, remove_segments,
    segment_id, segments_of, set_plain_crc, set_uploaded,
};
use super::writer::Write;
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::error_code::{
    BAD_DIGEST, ENTITY_TOO_LARGE, ENTITY_TOO_SMALL, INVALID_PART, INVALID_REQUEST, NO_SUCH_UPLOAD,
};
use crate::model::r2::limits::{MAX_OBJECT_SIZE, MIN_PART_SIZE};
use crate::model::r2::multipart::{WrongSize, check_part_sizes, validate_part_number};
use crate::mutation::{Mutation, is_mutated};
use crate::r2::{
    Checksum, ChecksumAlgorithm, Checksums, CompleteMultipartUploadRequest, CompositeChecksum, Crc64Nvme,
    Hasher, ObjectChecksum, PartsPage, SseCustomerKey, StoredObject, UploadedPart,
};

/// How long the ids of ended uploads are remembered. R2 is not known to forget them; its uploads live as
/// long.
const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 3600);

/// An upload that is neither completed nor aborted.
#[derive(Debug)]
pub(super) struct Upload {
    body: i64,
    metadata: Metadata,
    /// The algorithm of the checksum that the object gets.
    checksum_algorithm: Option<ChecksumAlgorithm>,
    /// The MD5 of the customer's key that its parts are encrypted with.
    ssec_key_md5: Option<Checksum>,
}

/// A part that has arrived.
pub(super) struct NewPart<'a> {
    pub(super) segment: &'a Segment,
    pub(super) checksum: Option<Checksum>,
    /// The customer's key that the part is encrypted with.
    pub(super) ssec_key: Option<&'a SseCustomerKey>,
}

impl Upload {
    /// Rejects a part without the key of the upload.
    pub(super) fn check_key(&self, given: Option<&SseCustomerKey>) -> Result<()> {
        customer_key::check_part(self.ssec_key_md5.as_ref(), given)
    }

    /// Returns the checksum algorithm of the upload, if its checksum has to be computed for each part in
    /// addition to those of every segment.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the part comes with a checksum of another algorithm.
    pub(super) fn algorithm_of_parts(&self, given: Option<Checksum>) -> Result<Option<ChecksumAlgorithm>> {
        let given =
            given.map(|checksum| checksum.algorithm()).filter(|given| *given != ChecksumAlgorithm::Md5);
        if let (Some(begun), Some(given)) = (self.checksum_algorithm, given)
            && begun != given
        {
            return Err(mismatch(begun.name(), given.name()));
        }
        Ok(self.checksum_algorithm.filter(|algorithm| *algorithm != ChecksumAlgorithm::Crc64Nvme))
    }
}

/// AWS's error for a checksum of another algorithm than that of the upload.
fn mismatch(begun: &str, given: &str) -> Error {
    Error::invalid_input(format!(
        "Checksum Type mismatch occurred, expected checksum Type: {begun}, actual checksum Type: {given}"
    ))
    .with_code(INVALID_REQUEST.name)
}

/// Sorts the parts of a completion by their number.
pub(super) fn check_parts(mut parts: Vec<UploadedPart>) -> Result<Vec<UploadedPart>> {
    if parts.is_empty() {
        return Err(invalid_part("a multipart upload needs at least one part to be completed"));
    }
    parts.sort_by_key(|part| part.part_number);
    for part in &parts {
        validate_part_number(part.part_number)?;
    }
    if let Some([part, ..]) = parts.windows(2).find(|pair| pair[0].part_number == pair[1].part_number) {
        return Err(invalid_part(format!("part {} is listed twice", part.part_number)));
    }
    Ok(parts)
}

fn invalid_part(message: impl Into<String>) -> Error {
    Error::invalid_input(message).with_code(INVALID_PART.name)
}

pub(super) fn create(
    write: &Write<'_>,
    bucket: i64,
    key: &Key,
    metadata: &Metadata,
    checksum_algorithm: Option<ChecksumAlgorithm>,
    ssec_key: Option<&SseCustomerKey>,
) -> StoreResult<String> {
    let id = random_hex(write)? + &random_hex(write)?;
    let storage_class = storage_class_in(write, bucket, metadata.storage_class)?;
    write
        .prepare_cached(
            "INSERT INTO uploads (bucket, key, id, uploaded_key, initiated, storage_class, body, http_metadata, \
             custom_metadata, checksum_algorithm, ssec_key_md5) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute((
            bucket,
            key.as_bytes(),
            &id,
            key.uploaded(),
            to_millis(write.now),
            storage_class.as_s3(),
            new_body(write)?,
            &metadata.http,
            &metadata.custom,
            checksum_algorithm.map(ChecksumAlgorithm::name),
            ssec_key.map(SseCustomerKey::md5).as_ref().map(Checksum::as_bytes),
        ))?;
    Ok(id)
}

fn no_such_upload() -> Error {
    Error::new(
        ErrorKind::NoSuchUpload,
        "this key has no such multipart upload: it was completed or aborted, or never created",
    )
    .with_code(NO_SUCH_UPLOAD.name)
}

pub(super) fn find(connection: &Connection, bucket: i64, key: &Key, id: &str) -> StoreResult<Upload> {
    let mut statement = connection.prepare_cached(
        "SELECT body, storage_class, http_metadata, custom_metadata, checksum_algorithm, ssec_key_md5 FROM uploads \
         WHERE bucket = ?1 AND key = ?2 AND id = ?3",
    )?;
    let mut rows = statement.query((bucket, key.as_bytes(), id))?;
    let row = rows.next()?.ok_or_else(no_such_upload)?;
    Ok(Upload {
        body: row.get(0)?,
        metadata: Metadata::read(row, 1, 2, 3)?,
        checksum_algorithm: objects::read_algorithm(row, 4)?,
        ssec_key_md5: objects::read_key_md5(row, 5)?,
    })
}

/// Adds a part, replacing the one with the same number.
pub(super) fn put_part(
    write: &Write<'_>,
    bucket: i64,
    key: &Key,
    id: &str,
    part_number: u16,
    part: &NewPart<'_>,
) -> StoreResult<UploadedPart> {
    let NewPart { segment: part, checksum, ssec_key } = part;
    let upload = find(write, bucket, key, id)?;
    upload.check_key(*ssec_key)?;
    let id = segment_id(upload.body, part_number);
    remove_segments(write, id..id + 1)?;
    put_segment(write, id, part)?;
    set_plain_crc(write, id, part)?;
    set_uploaded(write, id, *checksum)?;
    let mut uploaded = UploadedPart::new(part_number, part.md5.to_hex());
    uploaded.size = Some(part.size);
    uploaded.uploaded = Some(from_millis(to_millis(write.now)));
    uploaded.checksums = checksums_of_part(&upload, *checksum, part.crc64nvme());
    Ok(uploaded)
}

/// Completes the upload with these parts, which are sorted. If the condition fails, the upload ends, which
/// must be committed: that error is the inner one.
pub(super) fn complete(
    write: &Write<'_>,
    bucket: i64,
    key: &Key,
    request: &CompleteMultipartUploadRequest,
) -> StoreResult<Result<StoredObject>> {
    let (id, parts) = (request.upload_id.as_str(), &request.parts);
    let upload = find(write, bucket, key, id)?;
    // The key is not needed any more, but if it is given it must be correct.
    if request.ssec_key.is_some() {
        upload.check_key(request.ssec_key.as_ref())?;
    }
    let ids = segments_of(upload.body);
    let mut checksum = Whole::new(&upload, request.checksum)?;
    let mut etag = Hasher::md5();
    let mut sizes = Vec::with_capacity(parts.len());
    for part in parts {
        // A large part has many checksums of blocks.
        let needs_crc =
            matches!(checksum, Whole::Crc64(_)) || part.checksums.get(ChecksumAlgorithm::Crc64Nvme).is_some();
        let stored = find_part(write, &upload, part, needs_crc)?;
        stored.check(part)?;
        etag.update(&stored.md5);
        sizes.push(stored.size);
        checksum.append(&stored);
    }
    let size = check_sizes(&sizes)?;
    let checksum = checksum.finish(parts.len());
    if let Some(given) = request.checksum {
        check_whole(given, checksum)?;
    }
    if let Err(error) = objects::check_write(write, bucket, key, &request.only_if) {
        abort(write, bucket, key, id)?;
        return match error {
            super::database::Failure::Refused(error) => Ok(Err(error)),
            failed @ super::database::Failure::Sqlite(_) => Err(failed),
        };
    }
    // Parts that were uploaded and are not part of the object are between those that are.
    let mut unused = ids.start;
    for part in parts {
        let used = segment_id(upload.body, part.part_number);
        if unused < used {
            remove_segments(write, unused..used)?;
        }
        unused = used + 1;
    }
    remove_segments(write, unused..ids.end)?;
    forget_plain_crcs(write, ids)?;
    if !is_mutated(Mutation::UploadNotEnded) {
        delete_row(write, bucket, key.as_bytes(), id)?;
    }
    let new = NewObject {
        key: key.clone(),
        size,
        etag: format!("{}-{}", etag.finish().to_hex(), parts.len()),
        checksum,
        metadata: upload.metadata,
        body: upload.body,
        ssec_key_md5: upload.ssec_key_md5,
    };
    objects::replace(write, bucket, new).map(Ok)
}

/// The checksum of the object, while it is computed from those of the parts.
enum Whole {
    /// No checksum is stored.
    Nothing,
    /// `None` if that of a part is unknown.
    Crc64(Option<Crc64Nvme>),
    Composite(ChecksumAlgorithm, Option<Hasher>),
}

impl Whole {
    /// The checksum that the upload was created with, or the CRC-64/NVME that the completing request gives.
    fn new(upload: &Upload, given: Option<ObjectChecksum>) -> Result<Self> {
        let given = given.map(|given| given.algorithm());
        match (upload.checksum_algorithm, given) {
            (Some(begun), Some(given)) if begun != given => Err(mismatch(begun.name(), given.name())),
            (None, Some(given)) if given != ChecksumAlgorithm::Crc64Nvme => {
                Err(mismatch("null", given.name()))
            }
            (begun, given) => Ok(match begun.or(given) {
                None => Self::Nothing,
                Some(ChecksumAlgorithm::Crc64Nvme) => Self::Crc64(Some(Crc64Nvme::new())),
                Some(algorithm) => Self::Composite(algorithm, Some(Hasher::new(algorithm))),
            }),
        }
    }

    /// Adds the next part.
    fn append(&mut self, part: &StoredPart) {
        match self {
            Self::Nothing => {}
            Self::Crc64(whole) => match (&mut *whole, part.crc) {
                (Some(whole), Some(crc)) => whole.append(crc),
                _ => *whole = None,
            },
            Self::Composite(algorithm, whole) => {
                match (&mut *whole, part.checksum.filter(|checksum| checksum.algorithm() == *algorithm)) {
                    (Some(whole), Some(checksum)) => whole.update(checksum.as_bytes()),
                    _ => *whole = None,
                }
            }
        }
    }

    fn finish(self, parts: usize) -> Option<ObjectChecksum> {
        match self {
            Self::Nothing => None,
            Self::Crc64(whole) => whole.map(|whole| whole.checksum().into()),
            Self::Composite(_, whole) => {
                let parts = u16::try_from(parts).ok()?;
                whole.map(|whole| CompositeChecksum::new(whole.finish(), parts).into())
            }
        }
    }
}

/// A part that was uploaded.
struct StoredPart {
    size: u64,
    md5: Vec<u8>,
    crc: Option<Crc64Nvme>,
    /// The checksum that the part came with, or that of the upload's algorithm.
    checksum: Option<Checksum>,
}

impl StoredPart {
    /// Rejects a part that is listed with a different checksum.
    fn check(&self, part: &UploadedPart) -> Result<()> {
        let made = self.checksum.into_iter().chain(self.crc.map(Crc64Nvme::checksum));
        for made in made {
            if let Some(given) = part.checksums.get(made.algorithm())
                && *given != made
            {
                let number = part.part_number;
                return Err(invalid_part(format!("part {number} has the checksum {made:?}, not {given:?}")));
            }
        }
        Ok(())
    }
}

/// Finds a part that a completion lists.
fn find_part(
    write: &Write<'_>,
    upload: &Upload,
    part: &UploadedPart,
    needs_crc: bool,
) -> StoreResult<StoredPart> {
    let mut statement = write.prepare_cached(concat!(
        "SELECT size, md5, ",
        crc_columns!("?2"),
        ", checksum FROM segments WHERE id = ?1"
    ))?;
    let mut rows = statement.query((segment_id(upload.body, part.part_number), needs_crc))?;
    if let Some(row) = rows.next()? {
        let md5: Vec<u8> = row.get(1)?;
        if hex::encode(&md5) == part.etag {
            let (size, crc) = (row.get(0)?, read_crc(row, 0, 2)?);
            return Ok(StoredPart { size, md5, crc, checksum: read_part_checksum(row, 5)? });
        }
    }
    Err(invalid_part(format!("part {} with the etag {:?} was not uploaded", part.part_number, part.etag))
        .into())
}

fn read_part_checksum(row: &Row<'_>, column: usize) -> StoreResult<Option<Checksum>> {
    Ok(match objects::read_checksum(row, column)? {
        Some(ObjectChecksum::FullObject(checksum)) => Some(checksum),
        _ => None,
    })
}

/// Rejects a checksum of the whole object that differs from that of its parts.
fn check_whole(given: ObjectChecksum, made: Option<ObjectChecksum>) -> Result<()> {
    match made {
        Some(made) if made == given => Ok(()),
        Some(made) => Err(Error::new(
            ErrorKind::Integrity,
            format!(
                "the given {} checksum is {}, and that of the uploaded parts is {}",
                given.algorithm(),
                given.to_hex(),
                made.to_hex()
            ),
        )
        .with_code(BAD_DIGEST.name)),
        None => Err(Error::unsupported(
            "an older version stored a part of this upload without a checksum: upload its parts again",
        )),
    }
}

/// The checksums of a part in an answer: the one that it came with, or the one that the upload was created
/// with.
fn checksums_of_part(upload: &Upload, checksum: Option<Checksum>, crc: Option<Crc64Nvme>) -> Checksums {
    let with_crc = upload.checksum_algorithm == Some(ChecksumAlgorithm::Crc64Nvme);
    let crc = crc.filter(|_| with_crc).map(Crc64Nvme::checksum);
    checksum.into_iter().chain(crc).collect()
}

/// Checks R2's rules on part sizes; returns their sum.
fn check_sizes(sizes: &[u64]) -> Result<u64> {
    let known: Vec<_> = sizes.iter().copied().map(Some).collect();
    match check_part_sizes(&known) {
        Ok(()) => {}
        Err(WrongSize::TooSmall(part)) => {
            return Err(Error::invalid_input(format!(
                "a part has {} bytes: all except the last need at least {MIN_PART_SIZE}",
                sizes[part]
            ))
            .with_code(ENTITY_TOO_SMALL.name));
        }
        Err(WrongSize::Unequal(_)) => {
            return Err(invalid_part("All non-trailing parts must have the same length."));
        }
        Err(WrongSize::LastLarger(_)) => {
            return Err(invalid_part("The last part must not be larger than the others."));
        }
    }
    let size = sizes.iter().sum();
    if size > MAX_OBJECT_SIZE {
        return Err(Error::invalid_input(format!(
            "the object has {size} bytes: R2's maximum is {MAX_OBJECT_SIZE}"
        ))
        .with_code(ENTITY_TOO_LARGE.name));
    }
    Ok(size)
}

/// Aborts an upload and drops its parts. Succeeds if it has ended already; fails if it never existed.
pub(super) fn abort(write: &Write<'_>, bucket: i64, key: &Key, id: &str) -> StoreResult<()> {
    match delete_row(write, bucket, key.as_bytes(), id)? {
        Some(body) => remove_segments(write, segments_of(body)),
        None if has_ended(write, bucket, key, id)? => Ok(()),
        None => Err(no_such_upload().into()),
    }
}

fn has_ended(write: &Write<'_>, bucket: i64, key: &Key, id: &str) -> StoreResult<bool> {
    let found = write
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM ended_uploads WHERE bucket = ?1 AND key = ?2 AND id = ?3)",
        )?
        .query_row((bucket, key.as_bytes(), id), |row| row.get(0))?;
    Ok(found)
}

/// Ends an upload and returns the body of its parts.
fn delete_row(write: &Write<'_>, bucket: i64, key: &[u8], id: &str) -> StoreResult<Option<i64>> {
    let body = write
        .prepare_cached("SELECT body FROM uploads WHERE bucket = ?1 AND key = ?2 AND id = ?3")?
        .query_row((bucket, key, id), |row| row.get(0))
        .optional()?;
    if body.is_some() {
        write
            .prepare_cached("DELETE FROM uploads WHERE bucket = ?1 AND key = ?2 AND id = ?3")?
            .execute((bucket, key, id))?;
        remember(write, bucket, key, id)?;
        forget(write)?;
    }
    Ok(body)
}

/// Records the id of an upload that ends now.
fn remember(write: &Write<'_>, bucket: i64, key: &[u8], id: &str) -> StoreResult<()> {
    write
        .prepare_cached("INSERT INTO ended_uploads (bucket, key, id, ended) VALUES (?1, ?2, ?3, ?4)")?
        .execute((bucket, key, id, to_millis(write.now)))?;
    Ok(())
}

/// Forgets the uploads that ended long ago.
pub(super) fn forget(write: &Write<'_>) -> StoreResult<()> {
    if let Some(before) = write.now.checked_sub(REMEMBERED) {
        write.prepare_cached("DELETE FROM ended_uploads WHERE ended < ?1")?.execute((to_millis(before),))?;
    }
    Ok(())
}

/// Drops all uploads to a bucket, and the ids of those that have ended.
pub(super) fn abort_all(write: &Write<'_>, bucket: i64) -> StoreResult<()> {
    let mut statement = write.prepare_cached("DELETE FROM uploads WHERE bucket = ?1 RETURNING body")?;
    let bodies = statement.query_map((bucket,), |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
    write.prepare_cached("DELETE FROM ended_uploads WHERE bucket = ?1")?.execute((bucket,))?;
    bodies.into_iter().try_for_each(|body| remove_body(write, body))
}

/// Drops an upload if it has not ended yet. Returns whether it did.
pub(super) fn abort_if_any(write: &Write<'_>, bucket: i64, key: &[u8], id: &str) -> StoreResult<bool> {
    let body = delete_row(write, bucket, key, id)?;
    body.map_or(Ok(false), |body| remove_body(write, body).map(|()| true))
}

pub(super) fn list_parts(
    connection: &Connection,
    upload: &Upload,
    marker: Option<u16>,
    limit: usize,
) -> StoreResult<PartsPage> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT id & 65535, md5, size, uploaded, ",
        crc_columns!("?3"),
        ", checksum FROM segments WHERE id > ?1 AND id < ?2 ORDER BY id"
    ))?;
    let ids = segments_of(upload.body);
    let first = segment_id(upload.body, marker.unwrap_or(0));
    let with_crc = upload.checksum_algorithm == Some(ChecksumAlgorithm::Crc64Nvme);
    let mut rows = statement.query((first, ids.end, with_crc))?;
    let mut page = PartsPage {
        storage_class: upload.metadata.storage_class,
        checksum_algorithm: upload.checksum_algorithm,
        ..PartsPage::default()
    };
    while let Some(row) = rows.next()? {
        if page.parts.len() == limit {
            page.truncated = true;
            page.next_part_number_marker = page.parts.last().map(|part| part.part_number);
            break;
        }
        let md5: Vec<u8> = row.get(1)?;
        let mut part = UploadedPart::new(row.get(0)?, hex::encode(md5));
        part.size = Some(row.get(2)?);
        part.uploaded = row.get::<_, Option<u64>>(3)?.map(from_millis);
        part.checksums = checksums_of_part(upload, read_part_checksum(row, 7)?, read_crc(row, 2, 4)?);
        page.parts.push(part);
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::r2::{
        AbortMultipartUploadRequest, Bucket as _, Conditional, CopyRequest, CreateMultipartUploadRequest,
        GetRequest, HeadRequest, ListMultipartUploadsRequest, ListPartsRequest, PutRequest, ServedRange,
        UploadPartRequest,
    };
    use crate::store::LocalBucket;
    use crate::store::testing::{bucket, bucket_with_clock, bytes, files, pattern};

    const MIB: usize = 1024 * 1024;

    async fn begin(bucket: &LocalBucket, key: &str) -> String {
        let request = CreateMultipartUploadRequest::new(key);
        bucket.create_multipart_upload(request).await.unwrap().upload_id
    }

    async fn upload(bucket: &LocalBucket, id: &str, part_number: u16, size: usize) -> UploadedPart {
        let request = UploadPartRequest {
            key: "key".into(),
            upload_id: id.into(),
            part_number,
            body: pattern(size).into(),
            checksum: None,
            ssec_key: None,
        };
        bucket.upload_part(request).await.unwrap()
    }

    async fn complete(bucket: &LocalBucket, id: &str, parts: &[&UploadedPart]) -> Result<StoredObject> {
        complete_if(bucket, id, parts, Conditional::new()).await
    }

    async fn complete_if(
        bucket: &LocalBucket,
        id: &str,
        parts: &[&UploadedPart],
        only_if: Conditional,
    ) -> Result<StoredObject> {
        let parts = parts.iter().map(|part| (*part).clone()).collect();
        let request = CompleteMultipartUploadRequest {
            only_if,
            ..CompleteMultipartUploadRequest::new("key", id, parts)
        };
        bucket.complete_multipart_upload(request).await
    }

    #[tokio::test]
    async fn parts_in_any_order_make_the_object_and_what_is_unused_goes() {
        let (_folder, bucket) = bucket().await;
        let id = begin(&bucket, "key").await;
        let last = upload(&bucket, &id, 9, 10).await;
        upload(&bucket, &id, 2, 100_000).await;
        upload(&bucket, &id, 5, 100_000).await;
        let first = upload(&bucket, &id, 2, 5 * MIB).await;

        let list = |marker, limit| ListPartsRequest {
            key: "key".into(),
            upload_id: id.clone(),
            part_number_marker: marker,
            limit: Some(limit),
        };
        let page = bucket.list_parts(list(None, 2)).await.unwrap();
        assert_eq!(page.parts[0], first);
        assert!(page.truncated && page.next_part_number_marker == Some(5));
        let page = bucket.list_parts(list(Some(5), 2)).await.unwrap();
        assert!(page.parts == [last.clone()] && !page.truncated);

        let stored = complete(&bucket, &id, &[&last, &first]).await.unwrap();
        assert!(stored.etag.ends_with("-2"));
        assert!(stored.checksums.is_empty());
        assert_eq!(bytes(&bucket, "key").await, Some([pattern(5 * MIB), pattern(10)].concat()));
        assert_eq!(files(bucket.store()).await, (1, 0));
        let again = complete(&bucket, &id, &[&last, &first]).await.unwrap_err();
        assert_eq!((again.kind(), again.code()), (ErrorKind::NoSuchUpload, Some("NoSuchUpload")));
    }

    #[tokio::test]
    async fn the_whole_has_a_checksum_where_it_was_asked_for_or_given() {
        let (_folder, bucket, _clock) = bucket_with_clock().await;
        let crc = |bytes: &[u8]| Crc64Nvme::of(bytes);
        let whole = crc(&[pattern(5 * MIB), pattern(10)].concat()).checksum();
        let wrong = crc(b"wrong").checksum();
        for asked in [true, false] {
            let mut create = CreateMultipartUploadRequest::new("key");
            create.checksum_algorithm = asked.then_some(ChecksumAlgorithm::Crc64Nvme);
            let id = bucket.create_multipart_upload(create).await.unwrap().upload_id;
            let parts = vec![upload(&bucket, &id, 1, 5 * MIB).await, upload(&bucket, &id, 2, 10).await];
            let expected = asked.then(|| crc(&pattern(10)));
            assert_eq!(parts[1].crc64nvme(), expected);
            let listed = bucket.list_parts(ListPartsRequest::new("key", &id)).await.unwrap().parts;
            assert_eq!(listed, parts);
            assert!(listed.iter().all(|part| part.uploaded == Some(bucket.store().runtime().now())));

            let request = |checksum| CompleteMultipartUploadRequest {
                checksum,
                ..CompleteMultipartUploadRequest::new("key", &id, parts.clone())
            };
            let refused = bucket.complete_multipart_upload(request(Some(wrong.into()))).await.unwrap_err();
            assert_eq!((refused.kind(), refused.code()), (ErrorKind::Integrity, Some("BadDigest")));
            let mut of_a_part = request(None);
            of_a_part.parts[1].checksums.insert(wrong);
            let refused = bucket.complete_multipart_upload(of_a_part).await.unwrap_err();
            assert_eq!((refused.kind(), refused.code()), (ErrorKind::InvalidInput, Some("InvalidPart")));
            let md5 = request(Some(Checksum::md5_of(b"").into()));
            let refused = bucket.complete_multipart_upload(md5).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Unsupported);

            let given = (!asked).then_some(whole.into());
            let stored = bucket.complete_multipart_upload(request(given)).await.unwrap();
            assert_eq!(stored.checksums.iter().collect::<Vec<_>>(), [&whole]);
            bucket.copy(CopyRequest::new("key", "copy")).await.unwrap();
            for key in ["key", "copy"] {
                let object = bucket.head(HeadRequest::new(key)).await.unwrap().unwrap();
                assert_eq!(object.checksums, stored.checksums);
            }
        }
    }

    const COMPOSITE: [ChecksumAlgorithm; 4] = [
        ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Sha256,
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32c,
    ];

    #[tokio::test]
    async fn the_checksums_of_the_parts_make_that_of_the_object() {
        let (_folder, bucket) = bucket().await;
        for algorithm in COMPOSITE {
            let mut create = CreateMultipartUploadRequest::new("key");
            create.checksum_algorithm = Some(algorithm);
            let id = bucket.create_multipart_upload(create).await.unwrap().upload_id;
            // The checksum is computed and compared, whether it was given or not.
            let mut parts = vec![upload(&bucket, &id, 1, 5 * MIB).await];
            let last = |checksum| UploadPartRequest {
                checksum: Some(checksum),
                ..UploadPartRequest::new("key", &id, 2, pattern(10))
            };
            let refused = bucket.upload_part(last(Checksum::of(algorithm, b"other"))).await.unwrap_err();
            assert_eq!((refused.kind(), refused.code()), (ErrorKind::Integrity, Some("BadDigest")));
            let refused = bucket.upload_part(last(Checksum::md5_of(b"other"))).await.unwrap_err();
            assert_eq!((refused.kind(), refused.code()), (ErrorKind::Integrity, Some("BadDigest")));
            let other = Checksum::of(ChecksumAlgorithm::Crc64Nvme, &pattern(10));
            let refused = bucket.upload_part(last(other)).await.unwrap_err();
            assert_eq!((refused.kind(), refused.code()), (ErrorKind::InvalidInput, Some("InvalidRequest")));
            parts.push(bucket.upload_part(last(Checksum::md5_of(&pattern(10)))).await.unwrap());
            let sums = [pattern(5 * MIB), pattern(10)].map(|bytes| Checksum::of(algorithm, &bytes));
            for (part, sum) in parts.iter().zip(&sums) {
                assert_eq!(part.checksums, [*sum].into_iter().collect());
            }
            let page = bucket.list_parts(ListPartsRequest::new("key", &id)).await.unwrap();
            assert_eq!((page.checksum_algorithm, page.parts), (Some(algorithm), parts.clone()));
            let uploads =
                bucket.list_multipart_uploads(ListMultipartUploadsRequest::default()).await.unwrap();
            assert_eq!(uploads.uploads[0].checksum_algorithm, Some(algorithm));

            let request = |checksum: Option<ObjectChecksum>| CompleteMultipartUploadRequest {
                checksum,
                ..CompleteMultipartUploadRequest::new("key", &id, parts.clone())
            };
            let whole = CompositeChecksum::of_parts(algorithm, sums).unwrap();
            let reversed = CompositeChecksum::of_parts(algorithm, [sums[1], sums[0]]).unwrap();
            let of_three = CompositeChecksum::new(whole.checksum(), 3);
            for wrong in [reversed, of_three] {
                let refused =
                    bucket.complete_multipart_upload(request(Some(wrong.into()))).await.unwrap_err();
                assert_eq!((refused.kind(), refused.code()), (ErrorKind::Integrity, Some("BadDigest")));
            }
            let crc = Crc64Nvme::of(b"").checksum();
            let refused = bucket.complete_multipart_upload(request(Some(crc.into()))).await.unwrap_err();
            assert_eq!((refused.kind(), refused.code()), (ErrorKind::InvalidInput, Some("InvalidRequest")));
            let mut of_a_part = request(None);
            of_a_part.parts[1].checksums.insert(sums[0]);
            let refused = bucket.complete_multipart_upload(of_a_part).await.unwrap_err();
            assert_eq!((refused.kind(), refused.code()), (ErrorKind::InvalidInput, Some("InvalidPart")));

            let stored = bucket.complete_multipart_upload(request(Some(whole.into()))).await.unwrap();
            assert_eq!(stored.checksums.kept(), Some(whole.into()));
            assert_eq!(stored.checksums.iter().count(), 0, "none is of the bytes");
            bucket.copy(CopyRequest::new("key", "copy")).await.unwrap();
            for key in ["key", "copy"] {
                let object = bucket.head(HeadRequest::new(key)).await.unwrap().unwrap();
                assert_eq!(object.checksums, stored.checksums);
            }
        }
    }

    #[tokio::test]
    async fn an_upload_without_an_algorithm_has_no_composite_checksum() {
        let (_folder, bucket) = bucket().await;
        let id = begin(&bucket, "key").await;
        let sha256 = Checksum::of(ChecksumAlgorithm::Sha256, &pattern(10));
        let part = UploadPartRequest {
            checksum: Some(sha256),
            ..UploadPartRequest::new("key", &id, 1, pattern(10))
        };
        let part = bucket.upload_part(part).await.unwrap();
        assert_eq!(part.checksums, [sha256].into_iter().collect());
        let mut request = CompleteMultipartUploadRequest::new("key", &id, vec![part]);
        request.checksum =
            CompositeChecksum::of_parts(ChecksumAlgorithm::Sha256, [sha256]).ok().map(Into::into);
        let refused = bucket.complete_multipart_upload(request.clone()).await.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::InvalidInput, Some("InvalidRequest")));
        request.checksum = None;
        let wrong = Checksum::of(ChecksumAlgorithm::Sha256, b"wrong");
        let mut of_a_part = request.clone();
        of_a_part.parts[0].checksums.insert(wrong);
        let refused = bucket.complete_multipart_upload(of_a_part).await.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::InvalidInput, Some("InvalidPart")));
        assert!(bucket.complete_multipart_upload(request).await.unwrap().checksums.is_empty());
    }

    #[tokio::test]
    async fn parts_of_an_older_version_have_no_checksums() {
        let (_folder, bucket) = bucket().await;
        let id = begin(&bucket, "key").await;
        let part = upload(&bucket, &id, 1, 10).await;
        let forget = |write: &Write<'_>| {
            write.execute("UPDATE segments SET checksums = NULL, uploaded = NULL", ())?;
            Ok(())
        };
        bucket.store().shared().writer.write(Vec::new(), forget).await.unwrap();
        let listed = bucket.list_parts(ListPartsRequest::new("key", &id)).await.unwrap().parts;
        assert_eq!(listed, [UploadedPart { uploaded: None, ..part.clone() }]);
        let mut request = CompleteMultipartUploadRequest::new("key", &id, listed);
        request.checksum = Some(Crc64Nvme::of(&pattern(10)).checksum().into());
        let refused = bucket.complete_multipart_upload(request).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unsupported);
        assert!(complete(&bucket, &id, &[&part]).await.unwrap().checksums.is_empty());
    }

    #[tokio::test]
    async fn parts_are_read_one_by_one_also_of_a_copy() {
        let (_folder, bucket) = bucket().await;
        let read = async |key: &str, number| {
            let head = HeadRequest { part_number: Some(number), ..HeadRequest::new(key) };
            let head = bucket.head(head).await;
            let get = GetRequest { part_number: Some(number), ..GetRequest::new(key) };
            match bucket.get(get).await {
                Ok(found) => {
                    let found = found.unwrap();
                    assert_eq!(head.unwrap().unwrap(), found.object);
                    let bytes = found.body.bytes().await.unwrap();
                    Ok((found.object.range, found.object.parts_count, bytes.to_vec()))
                }
                Err(error) => {
                    assert_eq!(head.unwrap_err().kind(), error.kind());
                    Err((error.kind(), error.code().map(str::to_owned), error.size()))
                }
            }
        };
        let none =
            |size| Err((ErrorKind::RangeNotSatisfiable, Some("InvalidPartNumber".to_owned()), Some(size)));
        let id = begin(&bucket, "key").await;
        let parts = [upload(&bucket, &id, 3, 5 * MIB).await, upload(&bucket, &id, 9, 10).await];
        complete(&bucket, &id, &[&parts[0], &parts[1]]).await.unwrap();
        bucket.copy(CopyRequest::new("key", "copy")).await.unwrap();
        let first = 5 * MIB as u64;
        for key in ["key", "copy"] {
            let range = |offset, length| Some(ServedRange { offset, length });
            assert!(read(key, 1).await == Ok((range(0, first), Some(2), pattern(5 * MIB))));
            assert_eq!(read(key, 2).await, Ok((range(first, 10), Some(2), pattern(10))));
            assert_eq!(read(key, 3).await, none(first + 10));
        }
        bucket.put(PutRequest::new("plain", "bytes")).await.unwrap();
        assert_eq!(read("plain", 1).await, Ok((None, None, b"bytes".to_vec())));
        assert_eq!(read("plain", 2).await, none(5));
        // A range cannot be empty.
        for (sizes, first) in [(&[0][..], (None, Some(1))), (&[5 * MIB, 0], (Some(first), Some(2)))] {
            let id = begin(&bucket, "key").await;
            let mut parts = Vec::new();
            for (size, number) in sizes.iter().zip(1..) {
                parts.push(upload(&bucket, &id, number, *size).await);
            }
            complete(&bucket, &id, &parts.iter().collect::<Vec<_>>()).await.unwrap();
            let (range, count, _) = read("key", 1).await.unwrap();
            assert_eq!((range.map(|range| range.length), count), first);
            assert_eq!(read("key", 2).await, none(sizes[0] as u64));
        }
    }

    #[test]
    fn the_etag_is_the_md5_of_the_parts_md5s() {
        let mut hasher = Hasher::md5();
        for part in ["bce6bf66aeb76c7040fdd5f4eccb78e6", "8165449fc15bbf43d3b674595cbcc406"] {
            hasher.update(&hex::decode(part).unwrap());
        }
        assert_eq!(hasher.finish().to_hex(), "f77dc0eecdebcd774a2a22cb393ad2ff");
    }

    #[tokio::test]
    async fn parts_that_do_not_fit_are_refused_and_the_upload_stays() {
        let (_folder, bucket) = bucket().await;
        let id = begin(&bucket, "key").await;
        let small = upload(&bucket, &id, 1, 10).await;
        let full = upload(&bucket, &id, 2, 5 * MIB).await;
        let larger = upload(&bucket, &id, 3, 5 * MIB + 1).await;
        let wrong = UploadedPart { etag: "0".repeat(32), ..full.clone() };
        let unknown = UploadedPart { part_number: 7, ..full.clone() };
        for (parts, code) in [
            (vec![&small, &full], "EntityTooSmall"),
            (vec![&full, &larger], "InvalidPart"),
            (vec![&full, &full], "InvalidPart"),
            (vec![&wrong], "InvalidPart"),
            (vec![&full, &unknown], "InvalidPart"),
            (vec![], "InvalidPart"),
        ] {
            let refused = complete(&bucket, &id, &parts).await.unwrap_err();
            assert_eq!((refused.kind(), refused.code()), (ErrorKind::InvalidInput, Some(code)), "{parts:?}");
        }
        complete(&bucket, &id, &[&small]).await.unwrap();
    }

    #[tokio::test]
    async fn a_failed_condition_consumes_the_upload_and_an_abort_is_repeatable() {
        let (_folder, bucket) = bucket().await;
        let id = begin(&bucket, "key").await;
        let part = upload(&bucket, &id, 1, 100_000).await;
        let failed = complete_if(&bucket, &id, &[&part], Conditional::new().etag_matches("x")).await;
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::PreconditionFailed);
        let gone = complete(&bucket, &id, &[&part]).await;
        assert_eq!(gone.unwrap_err().kind(), ErrorKind::NoSuchUpload);

        let id = begin(&bucket, "key").await;
        upload(&bucket, &id, 1, 100_000).await;
        bucket.abort_multipart_upload(AbortMultipartUploadRequest::new("key", &id)).await.unwrap();
        bucket.abort_multipart_upload(AbortMultipartUploadRequest::new("key", &id)).await.unwrap();
        assert!(bucket.head(HeadRequest::new("key")).await.unwrap().is_none());
        assert_eq!(files(bucket.store()).await, (0, 0));
    }

    #[tokio::test]
    async fn uploads_are_listed_in_pages() {
        let (_folder, bucket) = bucket().await;
        for key in ["a/1", "a/2", "b", "b", "c"] {
            begin(&bucket, key).await;
        }
        let mut request = ListMultipartUploadsRequest {
            delimiter: Some("/".into()),
            limit: Some(1),
            ..ListMultipartUploadsRequest::default()
        };
        let mut listed = Vec::new();
        loop {
            let page = bucket.list_multipart_uploads(request.clone()).await.unwrap();
            listed.extend(page.delimited_prefixes);
            listed.extend(page.uploads.into_iter().map(|upload| upload.key));
            if !page.truncated {
                break;
            }
            (request.key_marker, request.upload_id_marker) =
                (page.next_key_marker, page.next_upload_id_marker);
        }
        assert_eq!(listed, ["a/", "b", "b", "c"]);
    }
}
