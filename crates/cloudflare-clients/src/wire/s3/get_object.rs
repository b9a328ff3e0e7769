//! [GetObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html).

use http::{HeaderMap, Method, StatusCode};

use super::Request;
use super::headers::{self, ConditionTarget, CustomerKeyTarget, check_part};
use crate::error::{Error, Result};
use crate::model::r2::{GetRequest, Object};

/// Asks for an object or a range of it.
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

/// Reads the head of a success; the body follows, and has `range.length` bytes or `size`.
///
/// # Errors
/// [`ErrorKind::UnexpectedResponse`](crate::ErrorKind): it is not about the bytes that were asked for, or says too little.
pub fn parse(request: &GetRequest, status: StatusCode, headers: &HeaderMap) -> Result<Object> {
    let object = headers::read_object(&request.key, headers)?;
    if let Some(number) = request.part_number {
        return match (status, object.range) {
            (StatusCode::OK, None) | (StatusCode::PARTIAL_CONTENT, Some(_)) => check_part(number, object),
            _ => Err(Error::unexpected(format!(
                "{status} is no answer about {:?} to a get of a part",
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
                    "{asked:?} of {} bytes was asked for and {served:?} was answered",
                    object.size
                )))
            }
        }
        (StatusCode::OK, Some(_), _) => {
            Err(Error::unexpected("a range was asked for and the whole object was answered"))
        }
        (StatusCode::PARTIAL_CONTENT, None, _) => {
            Err(Error::unexpected("the whole object was asked for and a part of it was answered"))
        }
        _ => Err(Error::unexpected(format!("{status} is no answer to a get"))),
    }
}
