//! [PutObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html)

use cloudflare_clients::r2::{Bucket as _, PutRequest};
use cloudflare_clients::s3::headers::{self, ConditionTarget, CustomerKeyTarget};

use super::bucket::create_bucket_if_missing;
use super::expiration;
use crate::s3::error::S3Error;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(service: &Service, request: S3Request) -> Result<Response, S3Error> {
    create_bucket_if_missing(service, &request).await?;
    let http_metadata = headers::read_http_metadata(&request.headers);
    let custom_metadata = headers::read_custom_metadata(&request.headers);
    let storage_class = headers::read_storage_class(&request.headers)?;
    let only_if = headers::read_conditional(ConditionTarget::Object, &request.headers)?;
    let ssec_key = request.ssec_key(CustomerKeyTarget::Object)?;
    let (body, checksum) = request.payload.upload()?;
    let mut put = PutRequest::new(&request.key, body);
    (put.http_metadata, put.custom_metadata) = (http_metadata, custom_metadata);
    (put.storage_class, put.checksum, put.only_if) = (storage_class, checksum, only_if);
    put.ssec_key = ssec_key;
    let bucket = service.store.bucket(&request.bucket)?;
    let stored = bucket.put(put).await?;
    let mut response = response::stored(&stored)?;
    expiration::add(&bucket, &request.key, stored.uploaded, response.headers_mut()).await?;
    Ok(response)
}
