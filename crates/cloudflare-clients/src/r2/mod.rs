//! R2: Cloudflare's object storage.
//!
//! # As JSON
//!
//! What R2 answers with serialises, for a cache or an API of one's own, and is read back. Fields have the
//! names of the
//! [Workers API](https://developers.cloudflare.com/r2/api/workers/workers-api-reference/). What is `None` is
//! left out, and so are checksums where none are known. Times are RFC 3339 in UTC with milliseconds, as
//! `JSON.stringify` writes a `Date`; finer fractions of a second are dropped.
//!
//! | type | JSON |
//! |---|---|
//! | [`Object`] | `key`, `version`, `size`, `etag`, `uploaded`, `httpMetadata`, `customMetadata`, `checksums`, `storageClass`, `range`, `partsCount`, `ssecKeyMd5` |
//! | [`StoredObject`] | `key`, `etag`, `version`, `size`, `uploaded`, `httpMetadata`, `customMetadata`, `storageClass`, `checksums`, `ssecKeyMd5` |
//! | [`HttpMetadata`] | `contentType`, `contentLanguage`, `contentDisposition`, `contentEncoding`, `cacheControl`, `cacheExpiry` |
//! | [`CustomMetadata`] | an object of texts by name |
//! | [`Checksums`] | an object of hex by algorithm: `md5`, `sha1`, `sha256`, `sha384`, `sha512`, `crc32`, `crc32c`, `crc64nvme` |
//! | [`StorageClass`] | `"Standard"`, `"InfrequentAccess"` |
//! | [`ServedRange`] | `offset`, `length` |
//! | [`ListPage`] | `objects`, `delimitedPrefixes`, `truncated`, `cursor` |
//! | [`UploadedPart`] | `partNumber`, `etag`, `size`, `uploaded`, `checksums` |
//! | [`PartsPage`] | `parts`, `truncated`, `nextPartNumberMarker`, `storageClass`, `checksumAlgorithm` |
//! | [`MultipartUploadsPage`] | `uploads`, `delimitedPrefixes`, `truncated`, `nextKeyMarker`, `nextUploadIdMarker` |
//! | [`MultipartUploadSummary`] | `key`, `uploadId`, `initiated`, `storageClass` |
//! | [`UploadState`] | `key`, `uploadId`, `partSize`, `parts` |
//! | [`BucketInfo`] | `name`, `created`, `region`, `location`, `storageClass` |
//! | [`BucketsPage`] | `buckets`, `truncated`, `cursor` |
//! | [`SignedUrl`] | `url`, `expiresAt`, `signedHeaders`; written only |
//! | [`TempCredentials`] | `accessKeyId`, `secretAccessKey`, `sessionToken`, `expiresAt`; written only |
//!
//! ```
//! use cloudflare_clients::r2::{ListPage, UploadedPart};
//!
//! let object = r#"{"key":"a","size":1,"etag":"abc","uploaded":"2026-11-25T05:18:20.000Z"}"#;
//! let page = format!(r#"{{"objects":[{object}],"delimitedPrefixes":[],"truncated":false}}"#);
//! let page: ListPage = serde_json::from_str(&page)?;
//! assert_eq!(page.objects[0].key, "a");
//!
//! // What a browser that uploads parts to presigned URLs sends back:
//! let parts: Vec<UploadedPart> = serde_json::from_str(r#"[{"partNumber":1,"etag":"abc"}]"#)?;
//! assert_eq!(parts[0].part_number, 1);
//! # Ok::<_, serde_json::Error>(())
//! ```

mod account;
pub(crate) mod bucket;
mod buckets;
mod lost_answer;
pub(crate) mod ops;
mod service;
mod side_hasher;
mod signed_urls;
pub(crate) mod verify;

pub use self::account::Account;
pub use self::bucket::{Bucket, BucketAddress};
pub use self::buckets::Buckets;
#[cfg(not(target_arch = "wasm32"))]
pub use self::ops::STREAM_PART_SIZE;
pub use self::ops::{
    AbortMultipartUpload, BucketLocation, CompleteMultipartUpload, CopyObject, CreateBucket,
    CreateMultipartUpload, Delete, DeleteBucket, DeleteMany, Get, Head, HeadBucket, List, ListBuckets,
    ListMultipartUploads, ListParts, MultipartUpload, Put, RESUMABLE_PART_SIZE, ResumableUpload, UploadPart,
    UploadPartCopy, UploadState,
};
pub use self::service::R2Service;
pub use crate::body::{Body, ByteStream, DEFAULT_READ_LIMIT};
pub use crate::client::outcomes::Outcomes;
pub use crate::model::r2::{
    AbortMultipartUploadRequest, BucketInfo, BucketsPage, Checksum, ChecksumAlgorithm, ChecksumType,
    Checksums, CompleteMultipartUploadRequest, CompositeChecksum, Conditional, CopyRequest, CorsMatch,
    CorsMismatch, CorsPolicy, CorsRefusal, CorsRequest, CorsRule, Crc64Nvme, CreateBucketRequest,
    CreateMultipartUploadRequest, CreatedMultipartUpload, CustomMetadata, DeleteManyRequest, DeleteRequest,
    Etag, EtagList, GetRequest, Hasher, HeadRequest, HttpMetadata, LifecycleCondition, LifecyclePolicy,
    LifecycleRule, ListBucketsRequest, ListMultipartUploadsRequest, ListPage, ListPartsRequest, ListRequest,
    LocationHint, MAX_CUSTOM_METADATA, MAX_DELETES, MAX_OBJECT_SIZE, MAX_PARTS, MAX_SINGLE_UPLOAD,
    MIN_PART_SIZE, MultipartUploadSummary, MultipartUploadsPage, Object, ObjectBody, ObjectChecksum,
    ObjectMetadata, PartsPage, PutRequest, R2Action, R2CopySource, R2Event, R2EventObject, Range,
    ServedRange, SseCustomerKey, StorageClass, StoredObject, UploadPartCopyRequest, UploadPartRequest,
    UploadedPart, normalize_key,
};
pub use crate::signing::{
    AccessScope, Addressing, Endpoint, Jurisdiction, Presign, R2AccountConfig, R2SigningClient,
    R2SigningConfig, S3Action, SignedUrl, SignedUrlCache, TempCredentials, TempCredentialsRequest,
};
