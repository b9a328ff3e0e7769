//! [CreateBucket](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html)

use cloudflare_clients::r2::{Account as _, CreateBucketRequest, LocationHint};
use cloudflare_clients::s3::headers;
use cloudflare_clients::s3::xml::Element;
use http::{StatusCode, header};

use crate::s3::error::S3Error;
use crate::s3::known_error::MALFORMED_XML;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(service: &Service, request: S3Request) -> Result<Response, S3Error> {
    let mut create = CreateBucketRequest::new(&request.bucket);
    create.storage_class = headers::read_storage_class(&request.headers)?;
    let document = request.payload.document().await?;
    if !document.is_empty() {
        let configuration = Element::parse(&document)?;
        if configuration.name() != "CreateBucketConfiguration" {
            return Err(MALFORMED_XML.into());
        }
        let location = configuration.child("LocationConstraint").map_or("", Element::text);
        create.location = LocationHint::from_location_constraint(location)?;
    }
    service.store.create(create).await?;
    let mut response = response::empty(StatusCode::OK);
    let location = response::value(&format!("/{}", request.bucket))?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}
