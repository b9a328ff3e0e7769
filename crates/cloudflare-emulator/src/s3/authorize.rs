//! Whether who signed a request may have it done. If not it is 403 `AccessDenied`, before anybody looks
//! whether the bucket or object is there.

use cloudflare_clients::r2::S3Action;

use super::access::Access;
use super::copy_source::CopySource;
use super::error::S3Error;
use super::known_error::ACCESS_DENIED;
use super::operation::S3Operation;
use super::request::S3Request;

/// What an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// To list the buckets of the account.
    ListBuckets,
    /// That the bucket is one that can be reached.
    ReachBucket,
    Action(S3Action),
    /// To read the bucket's configuration.
    ReadConfiguration,
    /// To make, change or delete the bucket.
    Administer,
}

/// Refuses what may not be done. The objects that `DeleteObjects` names are in its body, and so for it to ask
/// about.
pub(super) fn authorize(operation: S3Operation, request: &S3Request) -> Result<(), S3Error> {
    let (access, bucket) = (&request.access, &request.bucket);
    let need = need(operation);
    if need == Need::ListBuckets {
        return allowed(access.lists_buckets(), || "only a key with an admin scope lists buckets".to_owned());
    }
    allowed(access.reaches_bucket(bucket), || {
        format!("the bucket {bucket:?} is another than the credentials are for")
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
        // Whatever key the path has, they list what the prefix says.
        S3Operation::ListObjects | S3Operation::ListObjectsV2 | S3Operation::ListMultipartUploads => {
            let prefix = request.query.get("prefix").unwrap_or_default();
            allowed(access.lists(prefix), || {
                format!("listing the prefix {prefix:?} goes beyond the prefixes that the credentials allow")
            })
        }
        S3Operation::CopyObject | S3Operation::UploadPartCopy => {
            let CopySource { bucket, key } = CopySource::parse(request)?;
            allowed(access.reaches_bucket(&bucket), || {
                format!("the source's bucket {bucket:?} is another than the credentials are for")
            })?;
            authorize_object(access, &key)?;
            authorize_object(access, &request.key)
        }
        _ => authorize_object(access, &request.key),
    }
}

/// Refuses an object that may not be reached.
pub(super) fn authorize_object(access: &Access, key: &str) -> Result<(), S3Error> {
    allowed(access.reaches_object(key), || {
        format!("the key {key:?} is outside of the paths that the credentials allow")
    })
}

fn administration(access: &Access, operation: S3Operation, write: bool) -> Result<(), S3Error> {
    allowed(access.administers(write), || format!("{operation:?} needs an admin scope for the whole bucket"))
}

/// The refusal says no more than R2's: the log has the reason, for who tries a permission.
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
        // It says nothing but that the bucket is there, which clients ask where a HEAD says 404.
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
        // What is not named needs the most.
        _ => return Need::Administer,
    })
}
