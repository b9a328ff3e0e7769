//! [DeleteObjects](https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html)

use cloudflare_clients::r2::{Bucket as _, DeleteManyRequest, MAX_DELETES};
use cloudflare_clients::s3::xml::Element;

use crate::s3::error::S3Error;
use crate::s3::known_error::MALFORMED_XML;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(service: &Service, request: S3Request) -> Result<Response, S3Error> {
    let keys = parse(&request.payload.document().await?)?;
    let outcomes = service.store.bucket(&request.bucket)?.delete_many(DeleteManyRequest::new(&keys)).await?;
    Ok(response::document("DeleteResult", |root| {
        // R2 lists what was deleted even if the client asks for quiet.
        for (key, outcome) in keys.iter().zip(outcomes) {
            match outcome {
                Ok(()) => root.element("Deleted", |deleted| deleted.text("Key", key)),
                Err(error) => root.element("Error", |element| {
                    let error = S3Error::from(error);
                    element.text("Key", key);
                    element.text("Code", error.code);
                    element.text("Message", &error.message);
                }),
            }
        }
    }))
}

fn parse(document: &[u8]) -> Result<Vec<String>, S3Error> {
    let malformed = || S3Error::from(MALFORMED_XML);
    let root = Element::parse(document)?;
    if root.name() != "Delete" {
        return Err(malformed());
    }
    let keys: Vec<String> = root
        .children("Object")
        .map(|object| object.required("Key").map(str::to_owned))
        .collect::<Result<_, _>>()?;
    if keys.is_empty() || keys.len() > MAX_DELETES || keys.iter().any(String::is_empty) {
        return Err(malformed());
    }
    match root.child("Quiet").map(Element::text) {
        None | Some("true" | "false") => Ok(keys),
        Some(_) => Err(malformed()),
    }
}
