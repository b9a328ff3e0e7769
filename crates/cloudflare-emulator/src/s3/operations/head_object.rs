//! [HeadObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html)

use cloudflare_clients::ErrorKind;
use cloudflare_clients::r2::Bucket as _;
use http::{StatusCode, header};

use super::expiration;
use super::object_read::{ObjectRead, not_modified};
use crate::s3::error::S3Error;
use crate::s3::known_error::NO_SUCH_KEY;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(service: &Service, request: &S3Request) -> Result<Response, S3Error> {
    let read = ObjectRead::parse(request, service.store.runtime().now())?;
    let bucket = service.store.bucket(&request.bucket)?;
    let mut head = read.head(&request.key);
    head.part_number = read.part_number();
    let (found, no_part) = match bucket.head(head).await {
        // The conditions decide before.
        Err(error) if error.kind() == ErrorKind::RangeNotSatisfiable => {
            (bucket.head(read.head(&request.key)).await?, Some(error))
        }
        found => (found?, None),
    };
    let mut object = found.ok_or(NO_SUCH_KEY)?;
    let status = read.status(&mut object)?;
    if status == StatusCode::NOT_MODIFIED {
        return not_modified(object);
    }
    if let Some(error) = no_part {
        return Err(error.into());
    }
    let mut response = response::empty(status);
    let length = object.range.map_or(object.size, |served| served.length);
    let uploaded = object.uploaded;
    response.headers_mut().extend(read.headers(object)?);
    response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    expiration::add(&bucket, &request.key, Some(uploaded), response.headers_mut()).await?;
    Ok(response)
}
