//! What R2 answers about every bucket alike.

use http::StatusCode;

use super::head_bucket::check_bucket;
use crate::s3::error::S3Error;
use crate::s3::operation::Operation;
use crate::s3::request::Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(
    operation: Operation,
    service: &Service,
    request: &Request,
) -> Result<Response, S3Error> {
    check_bucket(service, &request.bucket).await?;
    let none =
        |code: &'static str, message: &'static str| Err(S3Error::new(StatusCode::NOT_FOUND, code, message));
    match operation {
        Operation::GetBucketEncryption => {
            Ok(response::document("ServerSideEncryptionConfiguration", |root| {
                root.element("Rule", |rule| {
                    rule.element("ApplyServerSideEncryptionByDefault", |default| {
                        default.text("SSEAlgorithm", "AES256");
                    });
                    rule.text("BucketKeyEnabled", true);
                });
            }))
        }
        Operation::GetBucketVersioning => Ok(response::document("VersioningConfiguration", |_| {})),
        Operation::GetBucketTagging => none("NoSuchTagSet", "The TagSet does not exist."),
        Operation::GetBucketCors => none("NoSuchCORSConfiguration", "The CORS configuration does not exist."),
        Operation::GetBucketLifecycleConfiguration => {
            none("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist.")
        }
        Operation::GetObjectLockConfiguration => none(
            "ObjectLockConfigurationNotFoundError",
            "Object Lock configuration does not exist for this bucket.",
        ),
        Operation::GetBucketReplication => {
            none("ReplicationConfigurationNotFoundError", "The replication configuration was not found.")
        }
        _ => Ok(response::document("LocationConstraint", |root| {
            root.content("auto");
        })),
    }
}
