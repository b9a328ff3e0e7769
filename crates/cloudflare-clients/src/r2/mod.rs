//! R2: Cloudflare's object storage.

mod bucket;
mod lost_answer;
mod ops;
mod service;
mod signed_urls;
mod verify;

pub use self::bucket::Bucket;
#[cfg(not(target_arch = "wasm32"))]
pub use self::ops::STREAM_PART_SIZE;
pub use self::ops::{
    AbortMultipartUpload, CompleteMultipartUpload, Copy, CreateMultipartUpload, Delete, DeleteMany, Get,
    Head, List, ListMultipartUploads, ListParts, MultipartUpload, Put, UploadPart,
};
pub use self::service::R2Service;
pub use crate::body::{Body, ByteStream, DEFAULT_READ_LIMIT};
pub use crate::client::outcomes::Outcomes;
pub use crate::model::r2::{
    AbortMultipartUploadRequest, Checksum, ChecksumAlgorithm, Checksums, CompleteMultipartUploadRequest,
    Conditional, CopyRequest, CreateMultipartUploadRequest, CustomMetadata, DeleteManyRequest, DeleteRequest,
    Etag, EtagList, GetRequest, Hasher, HeadRequest, HttpMetadata, ListMultipartUploadsRequest, ListPage,
    ListPartsRequest, ListRequest, MAX_CUSTOM_METADATA, MAX_DELETES, MAX_OBJECT_SIZE, MAX_PARTS,
    MAX_SINGLE_UPLOAD, MIN_PART_SIZE, MultipartUploadSummary, MultipartUploadsPage, Object, ObjectBody,
    PartsPage, PutRequest, Range, ServedRange, StorageClass, StoredObject, UploadPartRequest, UploadedPart,
};
pub use crate::signing::{
    Addressing, Jurisdiction, Presign, R2SigningClient, R2SigningConfig, SignedUrl, SignedUrlCache,
};
