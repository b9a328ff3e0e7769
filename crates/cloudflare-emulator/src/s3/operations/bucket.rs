//! Checks of the bucket that several operations need: it exists, or is created.

use cloudflare_clients::ErrorKind;

use crate::s3::error::S3Error;
use crate::s3::known_error::NO_SUCH_BUCKET;
use crate::s3::request::S3Request;
use crate::service::Service;

/// Refuses a missing bucket.
pub(super) async fn check_bucket(service: &Service, name: &str) -> Result<(), S3Error> {
    match service.store.bucket_info(name).await? {
        Some(_) => Ok(()),
        None => Err(NO_SUCH_BUCKET.into()),
    }
}

/// R2's `cf-create-bucket-if-missing: true`.
pub(super) async fn create_bucket_if_missing(service: &Service, request: &S3Request) -> Result<(), S3Error> {
    if request.header("cf-create-bucket-if-missing")? != Some("true")
        || service.store.bucket_info(&request.bucket).await?.is_some()
    {
        return Ok(());
    }
    match service.store.create_bucket(&request.bucket).await {
        Err(error) if error.kind() != ErrorKind::Conflict => Err(error.into()),
        _ => Ok(()),
    }
}
