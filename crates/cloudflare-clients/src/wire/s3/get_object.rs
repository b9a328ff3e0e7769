//! [GetObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html).

use http::{HeaderMap, Method, StatusCode};

use super::Request;
use super::headers::{self, ConditionTarget, CustomerKeyTarget, check_part};
use crate::error::{Error, Result};
use crate::model::r2::{GetRequest, Object};

/// Gets an object or a range of it.
pub fn request(request: &GetRequest) -> Result<Request> {
    request.validate()?;
    let mut get =
        Request::new(Method::GET, Some(&request.key)).query_if_some("partNumber", request.part_number);
    match request.range {
        Some(range) => headers::write_range(range, &mut get.headers)?,
        None => headers::ask_for_checksums(&mut get.headers),
    }
    ConditionTarget::Object.headers().write(&request.only_if, &mut get.headers)?;
    headers::write_ssec_key(request.ssec_key.as_ref(), CustomerKeyTarget::Object, &mut get.headers);
    Ok(get)
}

/// Parses the head of a success. The body that follows has `range.length` bytes, or `size` if there is no
/// range.
///
/// # Errors
/// [`ErrorKind::UnexpectedResponse`](crate::ErrorKind) if the answer is not about the requested bytes, or
/// lacks information.
pub fn parse(request: &GetRequest, status: StatusCode, headers: &HeaderMap) -> Result<Object> {
    let object = headers::read_object(&request.key, headers)?;
    if let Some(number) = request.part_number {
        return match (status, object.range) {
            (StatusCode::OK, None) | (StatusCode::PARTIAL_CONTENT, Some(_)) => check_part(number, object),
            _ => Err(Error::unexpected(format!(
                "the service answered the get of a part with {status} and the range {:?}",
                object.range
            ))),
        };
    }
    match (status, request.range, object.range) {
        (StatusCode::OK, None, None) => Ok(object),
        (StatusCode::PARTIAL_CONTENT, Some(asked), Some(served)) => {
            if asked.resolve(object.size).ok() == Some(served) {
                Ok(object)
            } else {
                Err(Error::unexpected(format!(
                    "the service answered a request for {asked:?} of {} bytes with {served:?}",
                    object.size
                )))
            }
        }
        (StatusCode::OK, Some(_), _) => {
            Err(Error::unexpected("the service answered a request for a range with the whole object"))
        }
        (StatusCode::PARTIAL_CONTENT, None, _) => {
            Err(Error::unexpected("the service answered a request for the whole object with a part of it"))
        }
        _ => {
            Err(Error::unexpected(format!("the service answered a get with the unexpected status {status}")))
        }
    }
}
