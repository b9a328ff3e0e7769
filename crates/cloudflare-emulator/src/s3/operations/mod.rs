//! The operations, a file for each: read the request, ask the store, write the answer.

mod abort_multipart_upload;
mod bucket_properties;
mod complete_multipart_upload;
mod copy_object;
mod copy_source;
mod create_bucket;
mod create_multipart_upload;
mod delete_bucket;
mod delete_object;
mod delete_objects;
mod get_object;
mod head_bucket;
mod head_object;
mod list_buckets;
mod list_multipart_uploads;
mod list_objects;
mod list_parts;
mod max_keys;
mod object_read;
mod put_object;
mod upload_part;
mod upload_part_copy;

use http::StatusCode;

use crate::s3::error::S3Error;
use crate::s3::operation::Operation;
use crate::s3::request::Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(crate) async fn run(
    operation: Operation,
    service: &Service,
    request: Request,
) -> Result<Response, S3Error> {
    match operation {
        Operation::ListBuckets => list_buckets::run(service, &request).await,
        Operation::HeadBucket => head_bucket::run(service, &request).await,
        Operation::CreateBucket => create_bucket::run(service, request).await,
        Operation::DeleteBucket => delete_bucket::run(service, &request).await,
        Operation::GetBucketLocation
        | Operation::GetBucketEncryption
        | Operation::GetBucketVersioning
        | Operation::GetBucketTagging
        | Operation::GetBucketCors
        | Operation::GetBucketLifecycleConfiguration
        | Operation::GetObjectLockConfiguration
        | Operation::GetBucketReplication => bucket_properties::run(operation, service, &request).await,
        Operation::ListObjects => list_objects::v1(service, &request).await,
        Operation::ListObjectsV2 => list_objects::v2(service, &request).await,
        Operation::ListMultipartUploads => list_multipart_uploads::run(service, &request).await,
        Operation::DeleteObjects => delete_objects::run(service, request).await,
        Operation::PostBucket => Ok(response::empty(StatusCode::OK)),
        Operation::HeadObject => head_object::run(service, &request).await,
        Operation::GetObject => get_object::run(service, &request).await,
        Operation::PutObject => put_object::run(service, request).await,
        Operation::CopyObject => copy_object::run(service, request).await,
        Operation::DeleteObject => delete_object::run(service, &request).await,
        Operation::CreateMultipartUpload => create_multipart_upload::run(service, request).await,
        Operation::UploadPart => upload_part::run(service, request).await,
        Operation::UploadPartCopy => upload_part_copy::run(service, request).await,
        Operation::CompleteMultipartUpload => complete_multipart_upload::run(service, request).await,
        Operation::AbortMultipartUpload => abort_multipart_upload::run(service, &request).await,
        Operation::ListParts => list_parts::run(service, &request).await,
    }
}
