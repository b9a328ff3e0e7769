//! Properties that are the same for every bucket in R2.

use cloudflare_clients::r2::Account as _;

use crate::s3::error::S3Error;
use crate::s3::known_error::{
    NO_SUCH_TAG_SET, OBJECT_LOCK_CONFIGURATION_NOT_FOUND_ERROR, REPLICATION_CONFIGURATION_NOT_FOUND_ERROR,
};
use crate::s3::operation::S3Operation;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(
    operation: S3Operation,
    service: &Service,
    request: &S3Request,
) -> Result<Response, S3Error> {
    let location = service.store.location(&request.bucket).await?;
    match operation {
        S3Operation::GetBucketEncryption => {
            Ok(response::document("ServerSideEncryptionConfiguration", |root| {
                root.element("Rule", |rule| {
                    rule.element("ApplyServerSideEncryptionByDefault", |default| {
                        default.text("SSEAlgorithm", "AES256");
                    });
                    rule.text("BucketKeyEnabled", true);
                });
            }))
        }
        S3Operation::GetBucketVersioning => Ok(response::document("VersioningConfiguration", |_| {})),
        S3Operation::GetBucketTagging => Err(NO_SUCH_TAG_SET.into()),
        S3Operation::GetObjectLockConfiguration => Err(OBJECT_LOCK_CONFIGURATION_NOT_FOUND_ERROR.into()),
        S3Operation::GetBucketReplication => Err(REPLICATION_CONFIGURATION_NOT_FOUND_ERROR.into()),
        _ => Ok(response::document("LocationConstraint", |root| match location {
            // In upper case, as observed in R2.
            Some(hint) => root.content(hint.as_str().to_ascii_uppercase()),
            None => root.content("auto"),
        })),
    }
}
