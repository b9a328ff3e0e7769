//! [CreateBucket](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html)

use cloudflare_clients::s3::xml::Element;
use http::{StatusCode, header};

use crate::s3::error::S3Error;
use crate::s3::known_error::{INVALID_LOCATION_CONSTRAINT, MALFORMED_XML};
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

/// R2's location hints and the names of its one region, in lower case. A local bucket is where the store is.
const LOCATIONS: &[&str] = &["", "auto", "us-east-1", "wnam", "enam", "weur", "eeur", "apac", "oc"];

pub(super) async fn run(service: &Service, request: S3Request) -> Result<Response, S3Error> {
    let document = request.payload.document().await?;
    if !document.is_empty() {
        let configuration = Element::parse(&document)?;
        if configuration.name() != "CreateBucketConfiguration" {
            return Err(MALFORMED_XML.into());
        }
        let location = configuration.child("LocationConstraint").map_or("", Element::text);
        if !LOCATIONS.contains(&location.to_ascii_lowercase().as_str()) {
            return Err(INVALID_LOCATION_CONSTRAINT.into());
        }
    }
    service.store.create_bucket(&request.bucket).await?;
    let mut response = response::empty(StatusCode::OK);
    let location = response::value(&format!("/{}", request.bucket))?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}
