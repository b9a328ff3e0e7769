//! [CreateBucket](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html), with R2's [location
//! hints](https://developers.cloudflare.com/r2/reference/data-location/#set-hints-via-the-s3-api) and
//! `x-amz-storage-class`.

use http::{HeaderValue, Method};

use super::Request;
use super::headers::STORAGE_CLASS;
use super::xml::{NAMESPACE, Writer};
use crate::error::Result;
use crate::model::r2::CreateBucketRequest;

/// Creates the bucket that the request is signed for. Any success means that it was created.
pub fn request(request: &CreateBucketRequest) -> Result<Request> {
    request.validate()?;
    let mut create = Request::new(Method::PUT, None);
    if let Some(class) = request.storage_class {
        create.headers.insert(STORAGE_CLASS, HeaderValue::from_static(class.as_s3()));
    }
    match request.location {
        None => Ok(create),
        Some(hint) => create.xml(Writer::document("CreateBucketConfiguration", Some(NAMESPACE), |root| {
            root.text("LocationConstraint", hint);
        })),
    }
}
