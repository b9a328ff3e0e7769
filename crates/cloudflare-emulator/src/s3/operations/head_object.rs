//! [HeadObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html)

use cloudflare_clients::ErrorKind;
use cloudflare_clients::r2::{Bucket as _, Object, Range};
use cloudflare_clients::s3::headers::{self, ConditionTarget};
use http::{StatusCode, header};

use crate::s3::error::S3Error;
use crate::s3::known_error::{INVALID_RANGE, NO_SUCH_KEY};
use crate::s3::request::Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(service: &Service, request: &Request) -> Result<Response, S3Error> {
    let range = range(request)?;
    let only_if = headers::read_conditional(ConditionTarget::Object, &request.headers)?;
    let found = service.store.bucket(&request.bucket)?.head(&request.key).await?;
    let mut object = found.ok_or(NO_SUCH_KEY)?;
    let status = match only_if.check_read(Some((&object.etag, object.uploaded))) {
        Ok(()) => {
            check_part(request, &object)?;
            object.range = range.map(|range| range.resolve(object.size)).transpose()?;
            status(object.range.is_some())
        }
        Err(error) if error.kind() == ErrorKind::NotModified => StatusCode::NOT_MODIFIED,
        Err(error) => return Err(error.into()),
    };
    let mut response = response::empty(status);
    let length = object.range.map_or(object.size, |served| served.length);
    response.headers_mut().extend(response::object_headers(object)?);
    if status != StatusCode::NOT_MODIFIED {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    Ok(response)
}

/// The range that is asked for. R2 takes one of a HEAD, too.
pub(super) fn range(request: &Request) -> Result<Option<Range>, S3Error> {
    Ok(headers::read_range(&request.headers)?)
}

pub(super) fn status(ranged: bool) -> StatusCode {
    if ranged { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK }
}

/// The store does not know where the parts of a completed upload were. Any other object is its own part 1.
fn check_part(request: &Request, object: &Object) -> Result<(), S3Error> {
    match request.query.get("partNumber") {
        Some(_) if object.etag.contains('-') => {
            Err(S3Error::not_implemented("partNumber of an object uploaded in parts not implemented"))
        }
        None | Some("1") => Ok(()),
        Some(_) => Err(INVALID_RANGE.into()),
    }
}
