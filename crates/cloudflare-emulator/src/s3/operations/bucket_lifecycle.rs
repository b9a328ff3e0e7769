//! [GetBucketLifecycleConfiguration](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLifecycleConfiguration.html),
//! [PutBucketLifecycleConfiguration](https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html)
//! and
//! [DeleteBucketLifecycle](https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketLifecycle.html).

use std::time::UNIX_EPOCH;

use cloudflare_clients::r2::{Bucket as _, LifecycleCondition, LifecyclePolicy};
use cloudflare_clients::s3::error_code::INVALID_REQUEST;
use cloudflare_clients::s3::lifecycle_configuration;
use cloudflare_clients::s3::xml::Element;
use http::StatusCode;

use crate::response;
use crate::s3::error::S3Error;
use crate::s3::known_error::{MALFORMED_XML, NO_SUCH_LIFECYCLE_CONFIGURATION};
use crate::s3::request::S3Request;
use crate::s3::response::Response;
use crate::service::Service;

const SECONDS_OF_DAY: u64 = 24 * 60 * 60;

pub(super) async fn get(service: &Service, request: &S3Request) -> Result<Response, S3Error> {
    let policy = service.store.bucket(&request.bucket)?.lifecycle().await?;
    let policy = policy.ok_or(NO_SUCH_LIFECYCLE_CONFIGURATION)?;
    Ok(response::xml(StatusCode::OK, lifecycle_configuration::write(&policy)))
}

pub(super) async fn put(service: &Service, request: S3Request) -> Result<Response, S3Error> {
    let document = Element::parse(&request.payload.document().await?)?;
    let policy = lifecycle_configuration::read(&document)?;
    if policy.rules.is_empty() {
        return Err(MALFORMED_XML.into());
    }
    check_as_aws(&policy)?;
    policy.validate().map_err(|error| S3Error::new(INVALID_REQUEST, error.message().to_owned()))?;
    service.store.bucket(&request.bucket)?.put_lifecycle(policy).await?;
    Ok(response::empty(StatusCode::OK))
}

pub(super) async fn delete(service: &Service, request: &S3Request) -> Result<Response, S3Error> {
    service.store.bucket(&request.bucket)?.delete_lifecycle().await?;
    Ok(response::empty(StatusCode::NO_CONTENT))
}

/// AWS's checks of days and dates.
fn check_as_aws(policy: &LifecyclePolicy) -> Result<(), S3Error> {
    for rule in &policy.rules {
        let positive = [
            ("Days' for Expiration", rule.delete_objects),
            ("DaysAfterInitiation' for AbortIncompleteMultipartUpload", rule.abort_uploads.map(Into::into)),
        ];
        for (name, condition) in positive {
            if matches!(condition, Some(LifecycleCondition::Age(age)) if age.is_zero()) {
                return Err(S3Error::invalid_argument(format!("'{name} action must be a positive integer")));
            }
        }
        for condition in [rule.delete_objects, rule.move_to_infrequent_access].into_iter().flatten() {
            if let LifecycleCondition::Date(date) = condition
                && date.duration_since(UNIX_EPOCH).is_ok_and(|since| {
                    since.subsec_nanos() > 0 || !since.as_secs().is_multiple_of(SECONDS_OF_DAY)
                })
            {
                return Err(S3Error::invalid_argument("'Date' must be at midnight GMT"));
            }
        }
    }
    Ok(())
}
