//! Requests: the builders that [`R2Service`](super::R2Service)'s methods return, and the plain requests that
//! a [`Bucket`](super::Bucket) receives.

pub use super::ops::{
    AbortMultipartUpload, BucketLocation, CompleteMultipartUpload, CopyObject, CreateBucket,
    CreateMultipartUpload, Delete, DeleteBucket, DeleteMany, Get, Head, HeadBucket, List, ListBuckets,
    ListMultipartUploads, ListParts, Put, UploadPart, UploadPartCopy,
};
pub use crate::model::r2::{
    AbortMultipartUploadRequest, CompleteMultipartUploadRequest, CopyRequest, CorsRequest,
    CreateBucketRequest, CreateMultipartUploadRequest, DeleteManyRequest, DeleteRequest, GetRequest,
    HeadRequest, ListBucketsRequest, ListMultipartUploadsRequest, ListPartsRequest, ListRequest, PutRequest,
    UploadPartCopyRequest, UploadPartRequest,
};
pub use crate::signing::{Presign, TempCredentialsRequest};
