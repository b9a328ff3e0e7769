//! [HeadObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html).

use http::{HeaderMap, Method};

use super::Request;
use super::headers::{self, CustomerKeyTarget, check_part};
use crate::error::Result;
use crate::model::r2::{HeadRequest, Object};

/// Gets the metadata of an object.
pub fn request(request: &HeadRequest) -> Request {
    let mut head =
        Request::new(Method::HEAD, Some(&request.key)).query_if_some("partNumber", request.part_number);
    headers::ask_for_checksums(&mut head.headers);
    headers::write_ssec_key(request.ssec_key.as_ref(), CustomerKeyTarget::Object, &mut head.headers);
    head
}

/// Parses the head of a success.
///
/// # Errors
/// [`ErrorKind::UnexpectedResponse`](crate::ErrorKind) if the answer is not about the requested part, or
/// lacks information.
pub fn parse(request: &HeadRequest, headers: &HeaderMap) -> Result<Object> {
    let object = headers::read_object(&request.key, headers)?;
    match request.part_number {
        Some(number) => check_part(number, object),
        None => Ok(object),
    }
}
