//! Options: what requests and configurations are made of, and the limits of R2.

pub use super::ops::RESUMABLE_PART_SIZE;
#[cfg(not(target_arch = "wasm32"))]
pub use super::ops::STREAM_PART_SIZE;
pub use crate::body::DEFAULT_READ_LIMIT;
pub use crate::model::r2::{
    Checksum, ChecksumAlgorithm, ChecksumType, Checksums, CompositeChecksum, Conditional, CorsPolicy,
    CorsRule, Crc64Nvme, CustomMetadata, Etag, EtagList, Hasher, HttpMetadata, LifecycleCondition,
    LifecyclePolicy, LifecycleRule, LocationHint, MAX_CUSTOM_METADATA, MAX_DELETES, MAX_OBJECT_SIZE,
    MAX_PARTS, MAX_SINGLE_UPLOAD, MIN_PART_SIZE, Range, SseCustomerKey, StorageClass, normalize_key,
};
pub use crate::signing::{
    AccessScope, Addressing, Endpoint, Jurisdiction, R2AccountConfig, R2SigningConfig, S3Action,
};
