//! Authorization of requests. A refused request gets 403 `AccessDenied`, whether or not the bucket or object
//! exists.

use cloudflare_clients::r2::S3Action;

use super::access::Access;
use super::copy_source::CopySource;
use super::error::S3Error;
use super::known_error::ACCESS_DENIED;
use super::operation::S3Operation;
use super::request::S3Request;

/// Permissions that an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Listing the buckets of the account.
    ListBuckets,
    /// Access to the bucket.
    ReachBucket,
    Action(S3Action),
    /// Reading the configuration of the bucket.
    ReadConfiguration,
    /// Creating, changing or deleting the bucket.
    Administer,
}

/// Refuses requests without permission. `DeleteObjects` checks its objects itself, since their keys are in
/// the body.
pub(super) fn authorize(operation: S3Operation, request: &S3Request) -> Result<(), S3Error> {
    let (access, bucket) = (&request.access, &request.bucket);
    let need = need(operation);
    if need == Need::ListBuckets {
        return allowed(access.lists_buckets(), || "listing buckets needs an admin scope".to_owned());
    }
    allowed(access.reaches_bucket(bucket), || {
        format!("the credentials do not have access to the bucket {bucket:?}")
    })?;
    match need {
        Need::ListBuckets | Need::ReachBucket => {}
        Need::Action(action) => {
            allowed(access.allows(action), || format!("the credentials do not allow {action}"))?;
            authorize_objects(operation, request)?;
        }
        Need::ReadConfiguration => administration(access, operation, false)?,
        Need::Administer => administration(access, operation, true)?,
    }
    if request.header("cf-create-bucket-if-missing")? == Some("true") {
        administration(access, S3Operation::CreateBucket, true)?;
    }
    Ok(())
}

fn authorize_objects(operation: S3Operation, request: &S3Request) -> Result<(), S3Error> {
    let access = &request.access;
    match operation {
        S3Operation::GetBucketLocation | S3Operation::DeleteObjects => Ok(()),
        // These operations list the prefix, whatever key the path has.
        S3Operation::ListObjects | S3Operation::ListObjectsV2 | S3Operation::ListMultipartUploads => {
            let prefix = request.query.get("prefix").unwrap_or_default();
            allowed(access.lists(prefix), || {
                format!("the credentials do not allow to list the prefix {prefix:?}")
            })
        }
        S3Operation::CopyObject | S3Operation::UploadPartCopy => {
            let CopySource { bucket, key } = CopySource::parse(request)?;
            allowed(access.reaches_bucket(&bucket), || {
                format!("the credentials do not have access to the source's bucket {bucket:?}")
            })?;
            authorize_object(access, &key)?;
            authorize_object(access, &request.key)
        }
        _ => authorize_object(access, &request.key),
    }
}

/// Refuses an object that the credentials have no access to.
pub(super) fn authorize_object(access: &Access, key: &str) -> Result<(), S3Error> {
    allowed(access.reaches_object(key), || format!("the credentials do not have access to the key {key:?}"))
}

fn administration(access: &Access, operation: S3Operation, write: bool) -> Result<(), S3Error> {
    allowed(access.administers(write), || format!("{operation:?} needs an admin scope for the whole bucket"))
}

/// Like R2, the answer does not tell the reason. The log does.
fn allowed(is_allowed: bool, why_not: impl FnOnce() -> String) -> Result<(), S3Error> {
    if is_allowed {
        return Ok(());
    }
    tracing::info!(reason = why_not(), "access denied");
    Err(ACCESS_DENIED.into())
}

fn need(operation: S3Operation) -> Need {
    Need::Action(match operation {
        S3Operation::ListBuckets => return Need::ListBuckets,
        // It tells only that the bucket exists, which clients check after a HEAD returned 404.
        S3Operation::HeadBucket => return Need::ReachBucket,
        S3Operation::GetBucketLocation => S3Action::GetBucketLocation,
        S3Operation::ListObjects => S3Action::ListObjectsV1,
        S3Operation::ListObjectsV2 => S3Action::ListObjectsV2,
        S3Operation::ListMultipartUploads => S3Action::ListMultipartUploads,
        S3Operation::ListParts => S3Action::ListParts,
        S3Operation::HeadObject => S3Action::HeadObject,
        S3Operation::GetObject => S3Action::GetObject,
        S3Operation::PutObject => S3Action::PutObject,
        S3Operation::CopyObject => S3Action::CopyObject,
        S3Operation::DeleteObject => S3Action::DeleteObject,
        S3Operation::DeleteObjects => S3Action::DeleteObjects,
        S3Operation::CreateMultipartUpload => S3Action::CreateMultipartUpload,
        S3Operation::UploadPart => S3Action::UploadPart,
        S3Operation::UploadPartCopy => S3Action::UploadPartCopy,
        S3Operation::CompleteMultipartUpload => S3Action::CompleteMultipartUpload,
        S3Operation::AbortMultipartUpload => S3Action::AbortMultipartUpload,
        S3Operation::GetBucketEncryption
        | S3Operation::GetBucketVersioning
        | S3Operation::GetBucketTagging
        | S3Operation::GetBucketCors
        | S3Operation::GetBucketLifecycleConfiguration
        | S3Operation::GetObjectLockConfiguration
        | S3Operation::GetBucketReplication => return Need::ReadConfiguration,
        // Other operations need the highest permissions.
        _ => return Need::Administer,
    })
}
