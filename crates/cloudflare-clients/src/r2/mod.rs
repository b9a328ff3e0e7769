//! R2: Cloudflare's object storage.

mod body;
mod bucket;
mod checksum;
mod conditional;
mod object;
mod presign;
mod range;
mod signed_url;
mod signing_client;
mod signing_config;

pub use body::{Body, ByteStream, DEFAULT_READ_LIMIT};
pub use bucket::{
    Bucket, CompleteMultipartUploadRequest, CopyRequest, CreateMultipartUploadRequest, GetRequest,
    ListMultipartUploadsRequest, ListPage, ListPartsRequest, ListRequest, MultipartUploadSummary,
    MultipartUploadsPage, PartsPage, PutRequest, UploadPartRequest, UploadedPart,
};
pub use checksum::{Checksum, ChecksumAlgorithm, Checksums, Hasher};
pub use conditional::{Conditional, Etag, EtagList};
pub use object::{
    CustomMetadata, HttpMetadata, MAX_CUSTOM_METADATA, Object, ObjectBody, StorageClass, StoredObject,
};
pub use presign::Presign;
pub use range::{Range, ServedRange};
pub use signed_url::SignedUrl;
pub use signing_client::R2SigningClient;
pub use signing_config::R2SigningConfig;

pub use crate::s3::endpoint::{Addressing, Jurisdiction};
