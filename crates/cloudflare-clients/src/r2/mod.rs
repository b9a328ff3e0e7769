//! [R2](https://developers.cloudflare.com/r2/): Cloudflare's object storage.
//!
//! [`R2Service`] has every operation of a bucket, and [`R2SigningClient`] makes presigned URLs. Both are
//! cheap to clone. A [`Bucket`] is the place that a service sends its requests to, and an [`Account`] holds
//! many.
//!
//! The other types are grouped, and can be imported from here as well as from their group:
//!
//! - [`requests`]: the builders that [`R2Service`]'s methods return, such as [`Put`], and the plain requests
//!   that a [`Bucket`] receives, such as [`PutRequest`]
//! - [`results`]: what operations return, such as [`Object`] and [`ListPage`]
//! - [`options`]: what requests and configurations are made of, such as [`Range`], [`Conditional`] and
//!   [`CorsPolicy`], and the limits of R2
//!
//! # As JSON
//!
//! Results can be serialised and deserialised, for a cache or a custom API. Fields have the names of the
//! [Workers API](https://developers.cloudflare.com/r2/api/workers/workers-api-reference/). A field that is
//! `None` is omitted, and so are unknown checksums. Times are RFC 3339 in UTC with milliseconds, as
//! `JSON.stringify` writes a `Date`; finer fractions of a second are dropped.
//!
//! | type | JSON |
//! |---|---|
//! | [`Object`] | `key`, `version`, `size`, `etag`, `uploaded`, `httpMetadata`, `customMetadata`, `checksums`, `storageClass`, `range`, `partsCount`, `ssecKeyMd5` |
//! | [`StoredObject`] | `key`, `etag`, `version`, `size`, `uploaded`, `httpMetadata`, `customMetadata`, `storageClass`, `checksums`, `ssecKeyMd5` |
//! | [`HttpMetadata`] | `contentType`, `contentLanguage`, `contentDisposition`, `contentEncoding`, `cacheControl`, `cacheExpiry` |
//! | [`CustomMetadata`] | an object of strings by name |
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
//! | [`SignedUrl`] | `url`, `expiresAt`, `signedHeaders`; serialised only |
//! | [`TempCredentials`] | `accessKeyId`, `secretAccessKey`, `sessionToken`, `expiresAt`; serialised only |
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
pub mod options;
pub mod requests;
pub mod results;
mod service;
mod side_hasher;
mod signed_urls;
pub(crate) mod verify;

pub use self::account::Account;
pub use self::bucket::{Bucket, BucketAddress};
pub use self::buckets::Buckets;
pub use self::ops::{MultipartUpload, ResumableUpload};
#[doc(no_inline)]
pub use self::options::*;
#[doc(no_inline)]
pub use self::requests::*;
#[doc(no_inline)]
pub use self::results::*;
pub use self::service::R2Service;
pub use crate::body::{Body, ByteStream};
pub use crate::signing::{R2SigningClient, SignedUrlCache};
