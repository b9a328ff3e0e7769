//! [GetBucketLocation](https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html).

use http::Method;

use super::{Request, Response};
use crate::error::Result;
use crate::model::r2::LocationHint;

/// Gets the location of the bucket.
pub fn request() -> Request {
    Request::new(Method::GET, None).query("location", "")
}

/// Parses the bucket's location hint. R2 may answer `auto` instead, and other services answer their regions:
/// these are not hints, and the result is `None`.
pub fn parse(response: &Response) -> Result<Option<LocationHint>> {
    let document = response.xml("LocationConstraint")?;
    Ok(LocationHint::from_location_constraint(document.text().trim()).unwrap_or_default())
}
