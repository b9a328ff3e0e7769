//! The vocabulary of R2.

mod bucket_name;
mod buckets;
mod checksum;
mod checksum_algorithm;
mod checksum_type;
mod checksums;
mod composite_checksum;
pub(crate) mod condition_headers;
mod conditional;
pub(crate) mod content_checksum;
mod copy_source;
mod cors;
mod crc;
mod crc64_nvme;
pub(crate) mod error_code;
mod event;
#[cfg(test)]
mod goldens;
pub(crate) mod headers;
mod http_response;
mod if_range;
mod key;
pub(crate) mod lifecycle;
pub(crate) mod limits;
mod location_hint;
mod metadata;
pub(crate) mod multipart;
mod object;
mod policy_json;
mod range;
mod requests;
mod sse_customer_key;
mod storage_class;

pub use self::bucket_name::validate_bucket_name;
pub use self::buckets::{BucketInfo, BucketsPage, CreateBucketRequest, ListBucketsRequest};
pub use self::checksum::{Checksum, Hasher};
pub use self::checksum_algorithm::ChecksumAlgorithm;
pub use self::checksum_type::ChecksumType;
pub use self::checksums::Checksums;
pub use self::composite_checksum::{CompositeChecksum, ObjectChecksum};
#[cfg(all(feature = "workers", target_arch = "wasm32"))]
pub(crate) use self::conditional::precondition_failed;
pub use self::conditional::{Conditional, Etag, EtagList};
pub use self::cors::{CorsMatch, CorsMismatch, CorsPolicy, CorsRefusal, CorsRequest, CorsRule};
pub use self::crc64_nvme::Crc64Nvme;
pub use self::event::{R2Action, R2CopySource, R2Event, R2EventObject};
pub use self::if_range::IfRange;
pub(crate) use self::key::validate_key_len;
pub use self::key::{normalize_key, validate_key};
pub use self::lifecycle::{LifecycleCondition, LifecyclePolicy, LifecycleRule};
pub use self::limits::{
    MAX_CUSTOM_METADATA, MAX_DELETES, MAX_OBJECT_SIZE, MAX_PARTS, MAX_SINGLE_UPLOAD, MIN_PART_SIZE,
};
pub use self::location_hint::LocationHint;
pub use self::metadata::{CustomMetadata, HttpMetadata, ObjectMetadata};
pub use self::multipart::{
    AbortMultipartUploadRequest, CompleteMultipartUploadRequest, CreateMultipartUploadRequest,
    CreatedMultipartUpload, ListMultipartUploadsRequest, ListPartsRequest, MultipartUploadSummary,
    MultipartUploadsPage, PartsPage, UploadPartCopyRequest, UploadPartRequest, UploadedPart,
};
pub use self::object::{Object, ObjectBody, StoredObject};
pub use self::range::{Range, ServedRange};
pub use self::requests::{
    CopyRequest, DeleteManyRequest, DeleteRequest, GetRequest, HeadRequest, ListPage, ListRequest, PutRequest,
};
pub use self::sse_customer_key::SseCustomerKey;
pub use self::storage_class::StorageClass;
