//! R2: Cloudflare's object storage.

mod body;
mod bucket;
mod checksum;
pub(crate) mod conditional;
mod copy;
mod crc;
mod delete;
mod get;
pub(crate) mod limits;
mod list;
mod multipart;
mod object;
mod presign;
mod put;
#[cfg(not(target_arch = "wasm32"))]
mod put_in_parts;
mod range;
mod service;
mod signed_url;
mod signed_url_cache;
mod signing_client;
mod signing_config;
pub(crate) mod url_signer;
pub(crate) mod verify;

#[cfg(all(feature = "workers", target_arch = "wasm32"))]
pub(crate) use body::ForJs;
pub(crate) use body::Replay;
pub use body::{Body, ByteStream, DEFAULT_READ_LIMIT};
pub use bucket::{
    Bucket, CompleteMultipartUploadRequest, CopyRequest, CreateMultipartUploadRequest, GetRequest,
    ListMultipartUploadsRequest, ListPage, ListPartsRequest, ListRequest, MultipartUploadSummary,
    MultipartUploadsPage, PartsPage, PutRequest, UploadPartRequest, UploadedPart,
};
pub use checksum::{Checksum, ChecksumAlgorithm, Checksums, Hasher};
pub use conditional::{Conditional, Etag, EtagList};
pub use copy::Copy;
pub use delete::DeleteOutcome;
pub use get::Get;
pub use limits::{
    MAX_CUSTOM_METADATA, MAX_DELETES, MAX_OBJECT_SIZE, MAX_PARTS, MAX_SINGLE_UPLOAD, MIN_PART_SIZE,
};
pub use list::List;
pub(crate) use list::next_page;
pub use multipart::{CompleteMultipartUpload, CreateMultipartUpload, ListMultipartUploads, MultipartUpload};
pub use object::{CustomMetadata, HttpMetadata, Object, ObjectBody, StorageClass, StoredObject};
pub use presign::Presign;
pub use put::Put;
#[cfg(not(target_arch = "wasm32"))]
pub use put_in_parts::STREAM_PART_SIZE;
pub use range::{Range, ServedRange};
pub use service::R2Service;
pub use signed_url::SignedUrl;
pub use signed_url_cache::SignedUrlCache;
pub use signing_client::R2SigningClient;
pub use signing_config::R2SigningConfig;

pub use crate::s3::endpoint::{Addressing, Jurisdiction};
