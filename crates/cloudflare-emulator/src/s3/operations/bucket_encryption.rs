//! [PutBucketEncryption](https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketEncryption.html) and
//! [DeleteBucketEncryption](https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketEncryption.html):
//! R2 always encrypts with AES256, and accepts no other setting.

use cloudflare_clients::s3::xml::Element;
use http::StatusCode;

use super::bucket::check_bucket;
use crate::s3::error::S3Error;
use crate::s3::known_error::MALFORMED_XML;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn put(service: &Service, request: S3Request) -> Result<Response, S3Error> {
    check_bucket(service, &request.bucket).await?;
    let document = Element::parse(&request.payload.document().await?)?;
    if document.name() != "ServerSideEncryptionConfiguration" {
        return Err(MALFORMED_XML.into());
    }
    let rule = document.child("Rule").and_then(|rule| rule.child("ApplyServerSideEncryptionByDefault"));
    match rule.ok_or(MALFORMED_XML)?.required("SSEAlgorithm")?.trim() {
        "AES256" => Ok(response::empty(StatusCode::OK)),
        other => Err(S3Error::not_implemented(format!("SSEAlgorithm {other:?} not implemented"))),
    }
}

pub(super) async fn delete(service: &Service, request: &S3Request) -> Result<Response, S3Error> {
    check_bucket(service, &request.bucket).await?;
    Ok(response::empty(StatusCode::NO_CONTENT))
}
