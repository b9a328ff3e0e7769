//! What is asked of a bucket, and the pages that it answers with.

use serde::{Deserialize, Serialize};

use super::checksum::Checksum;
use super::conditional::Conditional;
use super::copy_source::validate_copy_source;
use super::key::validate_key;
#[cfg(any(
    all(feature = "workers", target_arch = "wasm32"),
    all(feature = "http", not(target_arch = "wasm32"))
))]
use super::limits::validate_delete_count;
use super::limits::{validate_page_size, validate_upload_size};
use super::metadata::{CustomMetadata, HttpMetadata, ObjectMetadata};
use super::multipart::validate_part_number;
use super::object::Object;
use super::range::Range;
use super::sse_customer_key::SseCustomerKey;
use super::storage_class::StorageClass;
use crate::body::Body;
use crate::error::{Error, Result};

/// A head for [`Bucket::head`](crate::r2::Bucket::head).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HeadRequest {
    /// The key of the object.
    pub key: String,
    /// The part to describe besides, of an object uploaded in parts: 1 to [`Object::parts_count`].
    pub part_number: Option<u16>,
    /// The key that the object is encrypted with, where that is the customer's.
    pub ssec_key: Option<SseCustomerKey>,
}

impl HeadRequest {
    /// A head of the object with this key.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), part_number: None, ssec_key: None }
    }

    /// Refuses what R2 does not take.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_key(&self.key)?;
        self.part_number.map_or(Ok(()), validate_part_number)
    }
}

/// A get for [`Bucket::get`](crate::r2::Bucket::get).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GetRequest {
    /// The key of the object.
    pub key: String,
    /// The bytes to return; `None` returns all.
    pub range: Option<Range>,
    /// The part to return, of an object uploaded in parts: 1 to [`Object::parts_count`]. It takes the place
    /// of a range.
    pub part_number: Option<u16>,
    /// What the object must meet.
    pub only_if: Conditional,
    /// The key that the object is encrypted with, where that is the customer's.
    pub ssec_key: Option<SseCustomerKey>,
}

impl GetRequest {
    /// A get of the whole object with this key, whatever its state.
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            range: None,
            part_number: None,
            only_if: Conditional::default(),
            ssec_key: None,
        }
    }

    /// Refuses what R2 does not take.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_key(&self.key)?;
        self.part_number.map_or(Ok(()), validate_part_number)?;
        if self.part_number.is_some() && self.range.is_some() {
            return Err(Error::invalid_input(
                "a part and a range are asked for at once: ask for one of them",
            ));
        }
        self.range.map_or(Ok(()), Range::validate)?;
        self.only_if.validate()
    }
}

/// A put for [`Bucket::put`](crate::r2::Bucket::put).
#[derive(Debug)]
#[non_exhaustive]
pub struct PutRequest {
    /// The key to store it under.
    pub key: String,
    /// The bytes; their length is known.
    pub body: Body,
    /// The HTTP headers to store with it.
    pub http_metadata: HttpMetadata,
    /// The custom metadata to store with it.
    pub custom_metadata: CustomMetadata,
    /// How R2 stores it; `None` takes the bucket's class.
    pub storage_class: Option<StorageClass>,
    /// What the bytes must hash to.
    pub checksum: Option<Checksum>,
    /// A condition on the object that the key already has.
    pub only_if: Conditional,
    /// The customer's key to encrypt it with.
    pub ssec_key: Option<SseCustomerKey>,
}

impl PutRequest {
    /// A put of some bytes and nothing else.
    pub fn new(key: impl Into<String>, body: impl Into<Body>) -> Self {
        Self {
            key: key.into(),
            body: body.into(),
            http_metadata: HttpMetadata::default(),
            custom_metadata: CustomMetadata::default(),
            storage_class: None,
            checksum: None,
            only_if: Conditional::default(),
            ssec_key: None,
        }
    }

    /// Refuses what R2 does not take. A body of unknown length has none to judge.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_key(&self.key)?;
        self.http_metadata.validate()?;
        self.custom_metadata.validate()?;
        self.only_if.validate()?;
        self.body.content_length().map_or(Ok(()), validate_upload_size)
    }
}

/// A delete for [`Bucket::delete`](crate::r2::Bucket::delete).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeleteRequest {
    /// The key of the object.
    pub key: String,
}

impl DeleteRequest {
    /// A delete of the object with this key.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into() }
    }

    /// Refuses what R2 does not take.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_key(&self.key)
    }
}

/// A delete of many objects for [`Bucket::delete_many`](crate::r2::Bucket::delete_many).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeleteManyRequest {
    /// The keys of the objects: up to 1,000.
    pub keys: Vec<String>,
}

impl DeleteManyRequest {
    /// A delete of the objects with these keys.
    pub fn new<K: Into<String>>(keys: impl IntoIterator<Item = K>) -> Self {
        Self { keys: keys.into_iter().map(Into::into).collect() }
    }

    /// Refuses what R2 does not take.
    #[cfg(any(
        all(feature = "workers", target_arch = "wasm32"),
        all(feature = "http", not(target_arch = "wasm32"))
    ))]
    pub(crate) fn validate(&self) -> Result<()> {
        validate_delete_count(self.keys.len())?;
        self.keys.iter().try_for_each(|key| validate_key(key))
    }
}

/// A list for [`Bucket::list`](crate::r2::Bucket::list).
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ListRequest {
    /// Only keys that begin with this.
    pub prefix: String,
    /// Keys that go on to this after the prefix are grouped into one delimited prefix.
    pub delimiter: Option<String>,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// Only keys after this one.
    pub start_after: Option<String>,
    /// 1 to 1,000 objects and delimited prefixes together; `None` means 1,000.
    pub limit: Option<u32>,
    /// Return the objects' HTTP and custom metadata, where the backend can.
    pub include_metadata: bool,
}

impl ListRequest {
    /// A list of all objects.
    pub fn new() -> Self {
        Self::default()
    }

    /// Refuses what R2 does not take.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_page_size(self.limit)
    }
}

/// One page of a listing.
///
/// There are more pages while `truncated` is true, however few objects this one has.
///
/// See [R2Objects](https://developers.cloudflare.com/r2/api/workers/workers-api-reference/#r2objects-definition).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ListPage {
    /// The objects, in the order of their keys' bytes.
    pub objects: Vec<Object>,
    /// The prefixes, each up to and with the delimiter, under which there are further keys.
    #[serde(default)]
    pub delimited_prefixes: Vec<String>,
    /// Whether there are more.
    pub truncated: bool,
    /// Where the next page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl ListPage {
    /// The last page, or the only one, with these objects.
    pub fn new(objects: Vec<Object>) -> Self {
        Self { objects, ..Self::default() }
    }

    /// The same page with more after it, which begin at this cursor.
    #[must_use]
    pub fn truncated_at(mut self, cursor: impl Into<String>) -> Self {
        self.truncated = true;
        self.cursor = Some(cursor.into());
        self
    }
}

/// A copy for [`Bucket::copy`](crate::r2::Bucket::copy).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CopyRequest {
    /// The bucket of the source, where it is another one of the account.
    pub source_bucket: Option<String>,
    /// The object to copy.
    pub source: String,
    /// The key to store it under.
    pub key: String,
    /// What the source must meet.
    pub source_only_if: Conditional,
    /// What the object that is replaced must meet.
    pub only_if: Conditional,
    /// Metadata in place of the source's, all of it.
    pub replace_metadata: Option<ObjectMetadata>,
    /// The storage class of the copy.
    pub storage_class: Option<StorageClass>,
    /// The key that the source is encrypted with, where that is the customer's.
    pub source_ssec_key: Option<SseCustomerKey>,
    /// The customer's key to encrypt the copy with: that of the source, too, is given once more.
    pub ssec_key: Option<SseCustomerKey>,
}

impl CopyRequest {
    /// A copy of one object, with its metadata, to another key.
    pub fn new(source: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            source_bucket: None,
            source: source.into(),
            key: key.into(),
            source_only_if: Conditional::default(),
            only_if: Conditional::default(),
            replace_metadata: None,
            storage_class: None,
            source_ssec_key: None,
            ssec_key: None,
        }
    }

    /// Refuses what R2 does not take.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_copy_source(self.source_bucket.as_deref(), &self.source)?;
        validate_key(&self.key)?;
        self.source_only_if.validate()?;
        self.only_if.validate()?;
        match &self.replace_metadata {
            Some(metadata) => metadata.validate(),
            None => Ok(()),
        }
    }
}
