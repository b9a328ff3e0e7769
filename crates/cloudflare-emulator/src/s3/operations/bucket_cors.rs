//! [GetBucketCors](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketCors.html),
//! [PutBucketCors](https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html) and
//! [DeleteBucketCors](https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketCors.html).

use cloudflare_clients::r2::Bucket as _;
use cloudflare_clients::s3::cors_configuration;
use cloudflare_clients::s3::error_code::INVALID_REQUEST;
use cloudflare_clients::s3::xml::Element;
use http::StatusCode;

use crate::response;
use crate::s3::error::S3Error;
use crate::s3::known_error::NO_SUCH_CORS_CONFIGURATION;
use crate::s3::request::S3Request;
use crate::s3::response::Response;
use crate::service::Service;

pub(super) async fn get(service: &Service, request: &S3Request) -> Result<Response, S3Error> {
    let policy = service.store.bucket(&request.bucket)?.cors().await?.ok_or(NO_SUCH_CORS_CONFIGURATION)?;
    Ok(response::xml(StatusCode::OK, cors_configuration::write(&policy)))
}

pub(super) async fn put(service: &Service, request: S3Request) -> Result<Response, S3Error> {
    let document = Element::parse(&request.payload.document().await?)?;
    let policy = cors_configuration::read(&document)?;
    policy.validate().map_err(|error| S3Error::new(INVALID_REQUEST, error.message().to_owned()))?;
    service.store.bucket(&request.bucket)?.put_cors(policy).await?;
    Ok(response::empty(StatusCode::OK))
}

pub(super) async fn delete(service: &Service, request: &S3Request) -> Result<Response, S3Error> {
    service.store.bucket(&request.bucket)?.delete_cors().await?;
    Ok(response::empty(StatusCode::NO_CONTENT))
}
