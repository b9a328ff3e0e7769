//! [CompleteMultipartUpload](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html)

use cloudflare_clients::r2::{Bucket as _, CompleteMultipartUploadRequest, MAX_PARTS, UploadedPart};
use cloudflare_clients::s3::headers::{self, ConditionTarget};
use cloudflare_clients::s3::xml::Element;
use cloudflare_clients::sigv4;

use crate::s3::error::S3Error;
use crate::s3::known_error::MALFORMED_XML;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(service: &Service, request: S3Request) -> Result<Response, S3Error> {
    let only_if = headers::read_conditional(ConditionTarget::Object, &request.headers)?;
    let upload_id = request.upload_id().to_owned();
    let mut location = format!("http://{}/{}/", request.host(), request.bucket);
    sigv4::encode_path(&request.key, &mut location);
    let parts = parse(&request.payload.with_content_md5_only().document().await?)?;
    let mut complete = CompleteMultipartUploadRequest::new(&request.key, upload_id, parts);
    complete.only_if = only_if;
    let stored = service.store.bucket(&request.bucket)?.complete_multipart_upload(complete).await?;
    Ok(response::document("CompleteMultipartUploadResult", |root| {
        root.text("Location", &location);
        root.text("Bucket", &request.bucket);
        root.text("Key", &request.key);
        root.text("ETag", stored.http_etag());
    }))
}

/// The parts, in any order, as R2 takes them.
fn parse(document: &[u8]) -> Result<Vec<UploadedPart>, S3Error> {
    let root = Element::parse(document)?;
    if root.name() != "CompleteMultipartUpload" {
        return Err(MALFORMED_XML.into());
    }
    let parts: Vec<UploadedPart> = root
        .children("Part")
        .map(|part| {
            let part_number = part.optional("PartNumber")?.ok_or(MALFORMED_XML)?;
            Ok(UploadedPart::new(part_number, headers::unquote(part.required("ETag")?)))
        })
        .collect::<Result<_, S3Error>>()?;
    if parts.is_empty() || parts.len() > usize::from(MAX_PARTS) {
        return Err(MALFORMED_XML.into());
    }
    Ok(parts)
}
