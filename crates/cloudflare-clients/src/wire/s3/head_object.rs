//! [HeadObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html).

use http::{HeaderMap, Method};

use super::{Request, headers};
use crate::error::Result;
use crate::model::r2::{HeadRequest, Object};

/// Asks for the metadata of an object.
pub fn request(request: &HeadRequest) -> Request {
    Request::new(Method::HEAD, Some(&request.key))
}

/// Reads the head of a success.
pub fn parse(key: &str, headers: &HeaderMap) -> Result<Object> {
    headers::read_object(key, headers)
}
