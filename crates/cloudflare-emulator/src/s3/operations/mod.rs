//! The operations, one file each: read the request, query the store, write the answer.

mod abort_multipart_upload;
mod bucket;
mod bucket_cors;
mod bucket_encryption;
mod bucket_lifecycle;
mod bucket_properties;
mod complete_multipart_upload;
mod copy_object;
mod create_bucket;
mod create_multipart_upload;
mod delete_bucket;
mod delete_object;
mod delete_objects;
mod expiration;
mod get_object;
mod head_bucket;
mod head_object;
mod key_encoding;
mod list_buckets;
mod list_multipart_uploads;
mod list_objects;
mod list_parts;
mod max_keys;
mod object_read;
mod part_number;
mod put_object;
mod response_overrides;
mod upload_checksum;
mod upload_part;
mod upload_part_copy;

use http::StatusCode;

use crate::s3::error::S3Error;
use crate::s3::operation::S3Operation;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(crate) async fn run(
    operation: S3Operation,
    service: &Service,
    request: S3Request,
) -> Result<Response, S3Error> {
    match operation {
        S3Operation::ListBuckets => list_buckets::run(service, &request).await,
        S3Operation::HeadBucket => head_bucket::run(service, &request).await,
        S3Operation::CreateBucket => create_bucket::run(service, request).await,
        S3Operation::DeleteBucket => delete_bucket::run(service, &request).await,
        S3Operation::PutBucketEncryption => bucket_encryption::put(service, request).await,
        S3Operation::DeleteBucketEncryption => bucket_encryption::delete(service, &request).await,
        S3Operation::GetBucketCors => bucket_cors::get(service, &request).await,
        S3Operation::PutBucketCors => bucket_cors::put(service, request).await,
        S3Operation::DeleteBucketCors => bucket_cors::delete(service, &request).await,
        S3Operation::GetBucketLifecycleConfiguration => bucket_lifecycle::get(service, &request).await,
        S3Operation::PutBucketLifecycleConfiguration => bucket_lifecycle::put(service, request).await,
        S3Operation::DeleteBucketLifecycle => bucket_lifecycle::delete(service, &request).await,
        S3Operation::GetBucketLocation
        | S3Operation::GetBucketEncryption
        | S3Operation::GetBucketVersioning
        | S3Operation::GetBucketTagging
        | S3Operation::GetObjectLockConfiguration
        | S3Operation::GetBucketReplication => bucket_properties::run(operation, service, &request).await,
        S3Operation::ListObjects => list_objects::v1(service, &request).await,
        S3Operation::ListObjectsV2 => list_objects::v2(service, &request).await,
        S3Operation::ListMultipartUploads => list_multipart_uploads::run(service, &request).await,
        S3Operation::DeleteObjects => delete_objects::run(service, request).await,
        S3Operation::PostBucket => Ok(response::empty(StatusCode::OK)),
        S3Operation::HeadObject => head_object::run(service, &request).await,
        S3Operation::GetObject => get_object::run(service, &request).await,
        S3Operation::PutObject => put_object::run(service, request).await,
        S3Operation::CopyObject => copy_object::run(service, request).await,
        S3Operation::DeleteObject => delete_object::run(service, &request).await,
        S3Operation::CreateMultipartUpload => create_multipart_upload::run(service, request).await,
        S3Operation::UploadPart => upload_part::run(service, request).await,
        S3Operation::UploadPartCopy => upload_part_copy::run(service, request).await,
        S3Operation::CompleteMultipartUpload => complete_multipart_upload::run(service, request).await,
        S3Operation::AbortMultipartUpload => abort_multipart_upload::run(service, &request).await,
        S3Operation::ListParts => list_parts::run(service, &request).await,
    }
}
