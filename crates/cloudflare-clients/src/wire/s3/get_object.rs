//! [GetObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html).

use http::{HeaderMap, Method, StatusCode};

use super::Request;
use super::headers::{self, ConditionTarget};
use crate::error::{Error, Result};
use crate::model::r2::{GetRequest, Object};

/// Asks for an object or a range of it.
pub fn request(request: &GetRequest) -> Result<Request> {
    request.validate()?;
    let mut get = Request::new(Method::GET, Some(&request.key));
    if let Some(range) = request.range {
        headers::write_range(range, &mut get.headers)?;
    }
    ConditionTarget::Object.headers().write(&request.only_if, &mut get.headers)?;
    Ok(get)
}

/// Reads the head of a success; the body follows, and has `range.length` bytes or `size`.
///
/// # Errors
/// [`ErrorKind::UnexpectedResponse`](crate::ErrorKind): it is not about the bytes that were asked for, or says too little.
pub fn parse(request: &GetRequest, status: StatusCode, headers: &HeaderMap) -> Result<Object> {
    let object = headers::read_object(&request.key, headers)?;
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
