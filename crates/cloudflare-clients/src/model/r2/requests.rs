//! Requests to a bucket, and pages of its listings.

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

/// A request for an object's properties, for [`Bucket::head`](crate::r2::Bucket::head).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HeadRequest {
    /// The object's key.
    pub key: String,
    /// The part whose range is also returned, for an object that was uploaded in parts: 1 to
    /// [`Object::parts_count`].
    pub part_number: Option<u16>,
    /// The customer's key with which the object is encrypted.
    pub ssec_key: Option<SseCustomerKey>,
}

impl HeadRequest {
    /// Creates a head request for this key.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), part_number: None, ssec_key: None }
    }

    /// Checks the request against R2's rules.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_key(&self.key)?;
        self.part_number.map_or(Ok(()), validate_part_number)
    }
}

/// A request for an object and its bytes, for [`Bucket::get`](crate::r2::Bucket::get).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GetRequest {
    /// The object's key.
    pub key: String,
    /// The bytes to return. `None` for all.
    pub range: Option<Range>,
    /// The part to return instead of a range, for an object that was uploaded in parts: 1 to
    /// [`Object::parts_count`].
    pub part_number: Option<u16>,
    /// Conditions on the object.
    pub only_if: Conditional,
    /// The customer's key with which the object is encrypted.
    pub ssec_key: Option<SseCustomerKey>,
}

impl GetRequest {
    /// Creates an unconditional get request for a whole object.
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            range: None,
            part_number: None,
            only_if: Conditional::default(),
            ssec_key: None,
        }
    }

    /// Checks the request against R2's rules.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_key(&self.key)?;
        self.part_number.map_or(Ok(()), validate_part_number)?;
        if self.part_number.is_some() && self.range.is_some() {
            return Err(Error::invalid_input(
                "a part and a range are both requested: request only one of them",
            ));
        }
        self.range.map_or(Ok(()), Range::validate)?;
        self.only_if.validate()
    }
}

/// A request to store an object, for [`Bucket::put`](crate::r2::Bucket::put).
#[derive(Debug)]
#[non_exhaustive]
pub struct PutRequest {
    /// The object's key.
    pub key: String,
    /// The bytes. Their length must be known.
    pub body: Body,
    /// The HTTP headers to store with the object.
    pub http_metadata: HttpMetadata,
    /// The custom metadata to store with the object.
    pub custom_metadata: CustomMetadata,
    /// The storage class of the object. `None` means the bucket's default.
    pub storage_class: Option<StorageClass>,
    /// The checksum that the bytes must have.
    pub checksum: Option<Checksum>,
    /// Conditions on the object that is replaced.
    pub only_if: Conditional,
    /// The customer's key to encrypt the object with.
    pub ssec_key: Option<SseCustomerKey>,
}

impl PutRequest {
    /// Creates a request to store bytes without metadata or conditions.
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

    /// Checks the request against R2's rules, and the body's size if it is known.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_key(&self.key)?;
        self.http_metadata.validate()?;
        self.custom_metadata.validate()?;
        self.only_if.validate()?;
        self.body.content_length().map_or(Ok(()), validate_upload_size)
    }
}

/// A request to delete an object, for [`Bucket::delete`](crate::r2::Bucket::delete).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeleteRequest {
    /// The object's key.
    pub key: String,
}

impl DeleteRequest {
    /// Creates a request to delete the object with this key.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into() }
    }

    /// Checks the request against R2's rules.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_key(&self.key)
    }
}

/// A request to delete many objects, for [`Bucket::delete_many`](crate::r2::Bucket::delete_many).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeleteManyRequest {
    /// The objects' keys: at most 1,000.
    pub keys: Vec<String>,
}

impl DeleteManyRequest {
    /// Creates a request to delete the objects with these keys.
    pub fn new<K: Into<String>>(keys: impl IntoIterator<Item = K>) -> Self {
        Self { keys: keys.into_iter().map(Into::into).collect() }
    }

    /// Checks the request against R2's rules.
    #[cfg(any(
        all(feature = "workers", target_arch = "wasm32"),
        all(feature = "http", not(target_arch = "wasm32"))
    ))]
    pub(crate) fn validate(&self) -> Result<()> {
        validate_delete_count(self.keys.len())?;
        self.keys.iter().try_for_each(|key| validate_key(key))
    }
}

/// A request for one page of objects, for [`Bucket::list`](crate::r2::Bucket::list).
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ListRequest {
    /// Only keys with this prefix. Empty for all.
    pub prefix: String,
    /// Groups keys that have this after the prefix: objects are replaced by one delimited prefix per group.
    pub delimiter: Option<String>,
    /// Where the page begins: the [`cursor`](ListPage::cursor) of the page before.
    pub cursor: Option<String>,
    /// Only keys after this one.
    pub start_after: Option<String>,
    /// The maximum number of objects and delimited prefixes together: 1 to 1,000. `None` means 1,000.
    pub limit: Option<u32>,
    /// Whether to return the objects' HTTP and custom metadata, if the backend supports it.
    pub include_metadata: bool,
}

impl ListRequest {
    /// Creates a request for the first page of all objects.
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks the request against R2's rules.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_page_size(self.limit)
    }
}

/// One page of a listing.
///
/// If `truncated` is true there are more pages, however few objects this one has.
///
/// See
/// [R2Objects](https://developers.cloudflare.com/r2/api/workers/workers-api-reference/#r2objects-definition).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ListPage {
    /// The objects, sorted by the bytes of their keys.
    pub objects: Vec<Object>,
    /// The groups of further keys: prefixes that end with the delimiter.
    #[serde(default)]
    pub delimited_prefixes: Vec<String>,
    /// Whether there are more pages.
    pub truncated: bool,
    /// Where the next page begins, for [`ListRequest::cursor`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl ListPage {
    /// Creates the last page, or the only one, with these objects.
    pub fn new(objects: Vec<Object>) -> Self {
        Self { objects, ..Self::default() }
    }

    /// Marks the page as followed by another one, which begins at this cursor.
    #[must_use]
    pub fn truncated_at(mut self, cursor: impl Into<String>) -> Self {
        self.truncated = true;
        self.cursor = Some(cursor.into());
        self
    }
}

/// A request to copy an object, for [`Bucket::copy`](crate::r2::Bucket::copy).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CopyRequest {
    /// The source's bucket, in the same account. `None` for this bucket.
    pub source_bucket: Option<String>,
    /// The source's key.
    pub source: String,
    /// The key of the copy.
    pub key: String,
    /// Conditions on the source.
    pub source_only_if: Conditional,
    /// Conditions on the object that is replaced.
    pub only_if: Conditional,
    /// Metadata that replaces all of the source's. `None` copies the source's metadata.
    pub replace_metadata: Option<ObjectMetadata>,
    /// The storage class of the copy.
    pub storage_class: Option<StorageClass>,
    /// The customer's key with which the source is encrypted.
    pub source_ssec_key: Option<SseCustomerKey>,
    /// The customer's key to encrypt the copy with. To keep the source's key, pass it here again.
    pub ssec_key: Option<SseCustomerKey>,
}

impl CopyRequest {
    /// Creates a request to copy an object with its metadata, within the bucket.
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

    /// Checks the request against R2's rules.
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
