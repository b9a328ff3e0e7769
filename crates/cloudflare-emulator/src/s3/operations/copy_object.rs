//! [CopyObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html), with R2's conditions on
//! the destination and its `MERGE`.

use cloudflare_clients::r2::{
    Bucket as _, Conditional, CopyRequest, HeadRequest, MAX_SINGLE_UPLOAD, Object, ObjectMetadata,
};
use cloudflare_clients::s3::error_code::INVALID_REQUEST;
use cloudflare_clients::s3::headers::{self, ConditionTarget, CustomerKeyTarget};
use cloudflare_clients::s3::xml_checksums;

use super::expiration;
use crate::s3::copy_source::CopySource;
use crate::s3::error::S3Error;
use crate::s3::known_error::NO_SUCH_KEY;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(service: &Service, request: S3Request) -> Result<Response, S3Error> {
    let source = CopySource::parse(&request)?;
    let source_ssec_key = request.ssec_key(CustomerKeyTarget::CopySource)?;
    let ssec_key = request.ssec_key(CustomerKeyTarget::Object)?;
    let mut head = HeadRequest::new(&source.key);
    head.ssec_key.clone_from(&source_ssec_key);
    let head = service.store.bucket(&source.bucket)?.head(head).await?;
    let head = head.ok_or(NO_SUCH_KEY)?;
    check_size(head.size)?;
    let mut source_only_if = headers::read_conditional(ConditionTarget::CopySource, &request.headers)?;
    let only_if = destination_only_if(&request)?;
    let storage_class = headers::read_storage_class(&request.headers)?;
    let given = ObjectMetadata::new(
        headers::read_http_metadata(&request.headers),
        headers::read_custom_metadata(&request.headers),
    );
    let replace_metadata = match request.header("x-amz-metadata-directive")? {
        None | Some("COPY") => None,
        Some("REPLACE") => Some(given),
        Some("MERGE") => {
            source_only_if.check_write(Some(&head))?;
            // The bytes and the metadata must be those of the same object; otherwise the copy fails.
            source_only_if = source_only_if.etag_matches(&head.etag);
            Some(merge(&head, given))
        }
        Some(other) => return Err(S3Error::invalid_argument(format!("metadata directive {other}."))),
    };

    let mut copy = CopyRequest::new(source.key, &request.key);
    copy.source_bucket = Some(source.bucket);
    (copy.source_only_if, copy.only_if) = (source_only_if, only_if);
    (copy.replace_metadata, copy.storage_class) = (replace_metadata, storage_class);
    (copy.source_ssec_key, copy.ssec_key) = (source_ssec_key, ssec_key);
    let bucket = service.store.bucket(&request.bucket)?;
    let stored = bucket.copy(copy).await?;
    let mut response = response::document("CopyObjectResult", |root| {
        root.text("ETag", stored.http_etag());
        let uploaded = stored.uploaded.unwrap_or_else(|| service.store.now());
        root.text("LastModified", humantime::format_rfc3339_millis(uploaded));
        xml_checksums::write_of_object(&stored.checksums, root);
    });
    headers::write_ssec_key_md5(stored.ssec_key_md5.as_deref(), response.headers_mut());
    expiration::add(&bucket, &request.key, stored.uploaded, response.headers_mut()).await?;
    Ok(response)
}

/// Refuses a source above the limit of a single upload, which needs `UploadPartCopy`.
fn check_size(bytes: u64) -> Result<(), S3Error> {
    if bytes <= MAX_SINGLE_UPLOAD {
        return Ok(());
    }
    Err(S3Error::new(
        INVALID_REQUEST,
        format!(
            "The specified copy source is larger than the maximum allowable size for a copy source: {MAX_SINGLE_UPLOAD}"
        ),
    ))
}

/// Returns R2's or AWS's conditions on the replaced object.
fn destination_only_if(request: &S3Request) -> Result<Conditional, S3Error> {
    let r2 = headers::read_conditional(ConditionTarget::CopyDestination, &request.headers)?;
    let aws = headers::read_conditional(ConditionTarget::Object, &request.headers)?;
    match (r2.is_empty(), aws.is_empty()) {
        (_, true) => Ok(r2),
        (true, false) => Ok(aws),
        (false, false) => Err(S3Error::invalid_argument(
            "The conditions on the destination are given twice: send either cf-copy-destination-if-* or If-*",
        )),
    }
}

fn metadata_of(object: &Object) -> ObjectMetadata {
    ObjectMetadata::new(
        object.http_metadata.clone().unwrap_or_default(),
        object.custom_metadata.clone().unwrap_or_default(),
    )
}

/// Merges the given metadata into that of the source.
fn merge(source: &Object, given: ObjectMetadata) -> ObjectMetadata {
    let mut merged = metadata_of(source);
    merged.http_metadata.merge(given.http_metadata);
    merged.custom_metadata.merge(given.custom_metadata);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_copies_what_one_could_upload() {
        assert!(check_size(MAX_SINGLE_UPLOAD).is_ok());
        assert!(check_size(MAX_SINGLE_UPLOAD + 1).is_err());
    }
}
