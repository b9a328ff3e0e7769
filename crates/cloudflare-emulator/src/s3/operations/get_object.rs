//! [GetObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html)

use cloudflare_clients::ErrorKind;
use cloudflare_clients::r2::{Bucket as _, GetRequest};
use http::StatusCode;

use super::object_read::{ObjectRead, not_modified, served_status};
use crate::s3::error::S3Error;
use crate::s3::known_error::NO_SUCH_KEY;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(service: &Service, request: &S3Request) -> Result<Response, S3Error> {
    let read = ObjectRead::parse(request)?;
    let bucket = service.store.bucket(&request.bucket)?;
    loop {
        if read.depends_on_metadata() {
            let mut object = bucket.head(&request.key).await?.ok_or(NO_SUCH_KEY)?;
            if read.status(&mut object)? == StatusCode::NOT_MODIFIED {
                return not_modified(object);
            }
        }
        let (range, only_if) = (read.range, read.only_if.clone());
        match bucket.get(GetRequest { key: request.key.clone(), range, only_if }).await {
            Ok(Some(found)) => {
                // The object of these bytes may be another than the one whose metadata were read.
                read.check_part(&found.object)?;
                let mut response = response::stored_bytes(served_status(&found.object), found.body);
                response.headers_mut().extend(response::object_headers(found.object)?);
                return Ok(response);
            }
            Ok(None) => return Err(NO_SUCH_KEY.into()),
            // Since its metadata were read, the object was replaced by one that the client has. A 304 is about one object alone.
            Err(error) if error.kind() == ErrorKind::NotModified => {}
            Err(error) => return Err(error.into()),
        }
    }
}
