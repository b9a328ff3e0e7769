//! The rows of buckets and objects.

use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::{Deserialize, Serialize};

use super::database::{StoreResult, from_millis, malformed, random_hex, read_key, to_millis};
use super::key::Key;
use super::read::{SegmentColumns, piece_columns};
use super::segments::{first_segment, remove_body};
use super::writer::Write;
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::error_code::NO_SUCH_BUCKET;
use crate::mutation::{Mutation, is_mutated};
use crate::r2::{
    Checksum, ChecksumAlgorithm, Checksums, Conditional, CustomMetadata, HttpMetadata, Object,
    ObjectChecksum, StorageClass, StoredObject,
};
use crate::time::seconds_of_a_date;

/// Returns the id of a bucket.
pub(super) fn bucket_id(connection: &Connection, name: &str) -> StoreResult<i64> {
    let id = connection
        .prepare_cached("SELECT id FROM buckets WHERE name = ?1")?
        .query_row((name,), |row| row.get(0))
        .optional()?;
    Ok(id.ok_or_else(|| no_such_bucket(name))?)
}

pub(super) fn no_such_bucket(name: &str) -> Error {
    Error::new(ErrorKind::NoSuchBucket, format!("the store has no bucket {name:?}: create it first"))
        .with_code(NO_SUCH_BUCKET.name)
}

/// An object and the id of its body.
#[derive(Debug)]
pub(super) struct StoredRow {
    pub(super) object: Object,
    pub(super) body: i64,
}

/// The columns that [`read_object`] reads, in order.
macro_rules! object_columns {
    () => {
        "objects.key, uploaded_key, version, objects.size, etag, objects.uploaded, objects.storage_class, objects.checksum, \
         http_metadata, custom_metadata, ssec_key_md5"
    };
}
pub(super) use object_columns;

pub(super) const FIND: &str =
    concat!("SELECT ", object_columns!(), ", body FROM objects WHERE bucket = ?1 AND key = ?2");

pub(super) fn find(connection: &Connection, bucket: i64, key: &Key) -> StoreResult<Option<StoredRow>> {
    let mut statement = connection.prepare_cached(FIND)?;
    let mut rows = statement.query((bucket, key.as_bytes()))?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    Ok(Some(StoredRow { object: read_object(row, true)?, body: row.get("body")? }))
}

pub(super) const FIND_WITH_SEGMENT: &str = concat!(
    "SELECT ",
    object_columns!(),
    ", body, ",
    piece_columns!(),
    " FROM buckets LEFT JOIN objects ON bucket = buckets.id AND key = ?2 LEFT JOIN segments ON segments.id = ",
    first_segment!("body"),
    " WHERE name = ?1"
);

/// Calls `serve` with an object and the first segment of its body.
pub(super) fn find_with_segment<T>(
    connection: &Connection,
    bucket_name: &str,
    key: &Key,
    serve: impl FnOnce(StoredRow, SegmentColumns<'_>) -> StoreResult<T>,
) -> StoreResult<Option<T>> {
    let mut statement = connection.prepare_cached(FIND_WITH_SEGMENT)?;
    let mut rows = statement.query((bucket_name, key.as_bytes()))?;
    let row = rows.next()?.ok_or_else(|| no_such_bucket(bucket_name))?;
    let body_at = row.as_ref().column_index("body")?;
    let Some(body) = row.get(body_at)? else { return Ok(None) };
    let object = read_object(row, true)?;
    serve(StoredRow { object, body }, SegmentColumns::new(row, body_at + 1)).map(Some)
}

/// Reads the columns of `object_columns!`.
pub(super) fn read_object(row: &Row<'_>, with_metadata: bool) -> StoreResult<Object> {
    let key = match row.get::<_, Option<String>>(1)? {
        Some(uploaded) => uploaded,
        None => read_key(row, 0)?,
    };
    let etag: String = row.get(4)?;
    let mut object = Object::new(key, row.get(3)?, etag, from_millis(row.get(5)?));
    object.version = row.get(2)?;
    object.storage_class = Some(read_storage_class(row, 6)?);
    object.ssec_key_md5 = read_key_md5(row, 10)?.map(|md5| md5.to_hex());
    object.checksums = checksums(object.md5_of_etag(), read_checksum(row, 7)?);
    if with_metadata {
        object.http_metadata = Some(read_http_metadata(row.get(8)?)?);
        object.custom_metadata = Some(read_custom_metadata(row.get(9)?)?);
    }
    Ok(object)
}

pub(super) fn read_storage_class(row: &Row<'_>, column: usize) -> StoreResult<StorageClass> {
    let name: String = row.get(column)?;
    Ok(StorageClass::from_s3(&name).ok_or_else(|| malformed("a storage class", &name))?)
}

/// The storage class of a new object: the given one, or the bucket's.
pub(super) fn storage_class_in(
    connection: &Connection,
    bucket: i64,
    given: Option<StorageClass>,
) -> StoreResult<StorageClass> {
    if let Some(given) = given {
        return Ok(given);
    }
    let mut statement = connection.prepare_cached("SELECT storage_class FROM buckets WHERE id = ?1")?;
    let name: String = statement.query_row((bucket,), |row| row.get(0))?;
    bucket_storage_class(&name)
}

/// Parses the storage class of a bucket, which is stored under the binding's name; that of an object is
/// stored under S3's.
pub(super) fn bucket_storage_class(name: &str) -> StoreResult<StorageClass> {
    let classes = [StorageClass::Standard, StorageClass::InfrequentAccess];
    let found = classes.into_iter().find(|class| class.as_str() == name);
    Ok(found.ok_or_else(|| malformed("a storage class", &name))?)
}

/// The MD5 from the etag, if it is one, and the stored checksum.
fn checksums(md5: Option<Checksum>, kept: Option<ObjectChecksum>) -> Checksums {
    let mut checksums: Checksums = md5.into_iter().collect();
    checksums.extend(kept);
    checksums
}

/// Reads the MD5 of a customer's key.
pub(super) fn read_key_md5(row: &Row<'_>, column: usize) -> StoreResult<Option<Checksum>> {
    let md5 = row.get_ref(column)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
    Ok(md5.and_then(|md5| Checksum::from_bytes(ChecksumAlgorithm::Md5, md5)))
}

/// Parses `sha256:<hex>`, or `sha256:<hex>-<parts>`.
pub(super) fn read_checksum(row: &Row<'_>, column: usize) -> StoreResult<Option<ObjectChecksum>> {
    let Some(text) = row.get::<_, Option<String>>(column)? else { return Ok(None) };
    let read = text
        .split_once(':')
        .and_then(|(name, hex)| ObjectChecksum::from_hex(ChecksumAlgorithm::from_name(name)?, hex));
    Ok(Some(read.ok_or_else(|| malformed("a checksum", &text))?))
}

/// Reads the name of an algorithm.
pub(super) fn read_algorithm(row: &Row<'_>, column: usize) -> StoreResult<Option<ChecksumAlgorithm>> {
    let Some(name) = row.get::<_, Option<String>>(column)? else { return Ok(None) };
    Ok(Some(ChecksumAlgorithm::from_name(&name).ok_or_else(|| malformed("a checksum's algorithm", &name))?))
}

/// The metadata columns of an object.
#[derive(Debug, Clone)]
pub(super) struct Metadata {
    /// `None` for the bucket's.
    pub(super) storage_class: Option<StorageClass>,
    pub(super) http: Option<String>,
    pub(super) custom: Option<String>,
}

impl Metadata {
    /// Encodes metadata that is within R2's limits.
    pub(super) fn new(
        http: &HttpMetadata,
        custom: &CustomMetadata,
        storage_class: Option<StorageClass>,
    ) -> Result<Self> {
        Ok(Self { storage_class, http: write_http_metadata(http)?, custom: write_custom_metadata(custom)? })
    }

    /// Reads three columns.
    pub(super) fn read(row: &Row<'_>, storage_class: usize, http: usize, custom: usize) -> StoreResult<Self> {
        Ok(Self {
            storage_class: Some(read_storage_class(row, storage_class)?),
            http: row.get(http)?,
            custom: row.get(custom)?,
        })
    }
}

#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct HttpMetadataJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_expiry: Option<u64>,
}

fn write_http_metadata(metadata: &HttpMetadata) -> Result<Option<String>> {
    if *metadata == HttpMetadata::default() {
        return Ok(None);
    }
    if metadata.cache_expiry.is_some_and(|time| seconds_of_a_date(time).is_none()) {
        return Err(Error::invalid_input("the cache expiry is not in the years 1970 to 9999"));
    }
    let metadata = metadata.clone();
    to_json(&HttpMetadataJson {
        content_type: metadata.content_type,
        content_language: metadata.content_language,
        content_disposition: metadata.content_disposition,
        content_encoding: metadata.content_encoding,
        cache_control: metadata.cache_control,
        cache_expiry: metadata.cache_expiry.map(to_millis),
    })
    .map(Some)
}

fn read_http_metadata(column: Option<String>) -> StoreResult<HttpMetadata> {
    let Some(text) = column else {
        return Ok(HttpMetadata::default());
    };
    let json: HttpMetadataJson =
        serde_json::from_str(&text).map_err(|error| malformed("HTTP metadata", &error))?;
    Ok(HttpMetadata {
        content_type: json.content_type,
        content_language: json.content_language,
        content_disposition: json.content_disposition,
        content_encoding: json.content_encoding,
        cache_control: json.cache_control,
        cache_expiry: json.cache_expiry.map(from_millis),
    })
}

fn write_custom_metadata(metadata: &CustomMetadata) -> Result<Option<String>> {
    if metadata.is_empty() {
        return Ok(None);
    }
    to_json(metadata).map(Some)
}

fn read_custom_metadata(column: Option<String>) -> StoreResult<CustomMetadata> {
    let Some(text) = column else {
        return Ok(CustomMetadata::default());
    };
    Ok(serde_json::from_str(&text).map_err(|error| malformed("custom metadata", &error))?)
}

fn to_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| {
        Error::new(ErrorKind::Serialization, "the metadata cannot be converted to JSON").with_source(error)
    })
}

/// The properties of a new object.
#[derive(Debug)]
pub(super) struct NewObject {
    pub(super) key: Key,
    pub(super) size: u64,
    pub(super) etag: String,
    /// In addition to the MD5.
    pub(super) checksum: Option<ObjectChecksum>,
    pub(super) metadata: Metadata,
    pub(super) body: i64,
    /// The MD5 of the customer's key that the body is encrypted with.
    pub(super) ssec_key_md5: Option<Checksum>,
}

/// Rejects a write whose conditions the existing object does not meet.
pub(super) fn check_write(
    write: &Write<'_>,
    bucket: i64,
    key: &Key,
    only_if: &Conditional,
) -> StoreResult<()> {
    if !only_if.is_empty() && !is_mutated(Mutation::ConditionDropped) {
        let existing = find(write, bucket, key)?;
        only_if.check_write(existing.as_ref().map(|row| &row.object))?;
    }
    Ok(())
}

/// Stores an object, replacing the existing one.
pub(super) fn replace(write: &Write<'_>, bucket: i64, new: NewObject) -> StoreResult<StoredObject> {
    remove(write, bucket, &new.key)?;
    let version = random_hex(write)?;
    let storage_class = storage_class_in(write, bucket, new.metadata.storage_class)?;
    write
        .prepare_cached(
            "INSERT INTO objects (bucket, key, uploaded_key, version, size, etag, uploaded, storage_class, \
             checksum, http_metadata, custom_metadata, body, ssec_key_md5) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute((
            bucket,
            new.key.as_bytes(),
            new.key.uploaded(),
            &version,
            new.size,
            &new.etag,
            to_millis(write.now),
            storage_class.as_s3(),
            new.checksum.map(|checksum| checksum.to_string()),
            &new.metadata.http,
            &new.metadata.custom,
            new.body,
            new.ssec_key_md5.as_ref().map(Checksum::as_bytes),
        ))?;
    let mut stored = StoredObject::new(new.key.into_given(), new.etag);
    stored.version = Some(version);
    stored.size = Some(new.size);
    stored.uploaded = Some(from_millis(to_millis(write.now)));
    stored.http_metadata = Some(read_http_metadata(new.metadata.http)?);
    stored.custom_metadata = Some(read_custom_metadata(new.metadata.custom)?);
    stored.storage_class = Some(storage_class);
    stored.ssec_key_md5 = new.ssec_key_md5.map(|md5| md5.to_hex());
    stored.checksums = checksums(stored.md5_of_etag(), new.checksum);
    Ok(stored)
}

/// Deletes an object. Returns whether it existed.
pub(super) fn remove(write: &Write<'_>, bucket: i64, key: &Key) -> StoreResult<bool> {
    let body = write
        .prepare_cached("SELECT body FROM objects WHERE bucket = ?1 AND key = ?2")?
        .query_row((bucket, key.as_bytes()), |row| row.get(0))
        .optional()?;
    let Some(body) = body else { return Ok(false) };
    write
        .prepare_cached("DELETE FROM objects WHERE bucket = ?1 AND key = ?2")?
        .execute((bucket, key.as_bytes()))?;
    remove_body(write, body)?;
    Ok(true)
}
