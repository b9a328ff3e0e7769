//! [GetObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html)

use cloudflare_clients::ErrorKind;
use cloudflare_clients::r2::{Bucket as _, GetRequest, ObjectBody};
use http::StatusCode;

use super::expiration;
use super::object_read::{ObjectRead, not_modified};
use crate::s3::error::S3Error;
use crate::s3::known_error::NO_SUCH_KEY;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

/// Checks conditions on the object whose bytes were opened, so that a 304 has its headers.
pub(super) async fn run(service: &Service, request: &S3Request) -> Result<Response, S3Error> {
    let read = ObjectRead::parse(request, service.store.runtime().now())?;
    let bucket = service.store.bucket(&request.bucket)?;
    let mut range = read.likely_range();
    loop {
        let mut get = GetRequest::new(&request.key);
        (get.range, get.part_number, get.ssec_key) = (range, read.part_number(), read.ssec_key());
        match bucket.get(get).await {
            Ok(Some(ObjectBody { mut object, body, .. })) => {
                let status = read.status(&mut object)?;
                if status == StatusCode::NOT_MODIFIED {
                    return not_modified(object);
                }
                let meant = read.range_of(&object);
                if meant != range {
                    range = meant;
                    continue;
                }
                let mut response = response::stored_bytes(status, body);
                let uploaded = object.uploaded;
                response.headers_mut().extend(read.headers(object)?);
                expiration::add(&bucket, &request.key, Some(uploaded), response.headers_mut()).await?;
                return Ok(response);
            }
            Ok(None) => return Err(NO_SUCH_KEY.into()),
            // So it may here, where the object has no such bytes. One that has them may have taken its place
            // since, or `If-Range` asks for all of it: then again.
            Err(error) if error.kind() == ErrorKind::RangeNotSatisfiable => {
                let mut object = bucket.head(read.head(&request.key)).await?.ok_or(NO_SUCH_KEY)?;
                if read.status(&mut object)? == StatusCode::NOT_MODIFIED {
                    return not_modified(object);
                }
                if read.part_number().is_some() {
                    return Err(error.into());
                }
                range = read.range_of(&object);
            }
            Err(error) => return Err(error.into()),
        }
    }
}
