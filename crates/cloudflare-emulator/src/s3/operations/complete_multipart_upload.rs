//! [CompleteMultipartUpload](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html)

use std::collections::HashSet;

use cloudflare_clients::LocalBucket;
use cloudflare_clients::r2::{
    Bucket as _, ChecksumAlgorithm, ChecksumType, CompleteMultipartUploadRequest, CompositeChecksum,
    ListPartsRequest, MAX_PARTS, ObjectChecksum, UploadedPart,
};
use cloudflare_clients::s3::error_code::INVALID_REQUEST;
use cloudflare_clients::s3::headers::{self, ConditionTarget, CustomerKeyTarget};
use cloudflare_clients::s3::xml::Element;
use cloudflare_clients::s3::xml_checksums;
use cloudflare_clients::sigv4;
use http::HeaderMap;

use super::{expiration, upload_checksum};
use crate::s3::error::S3Error;
use crate::s3::known_error::{INVALID_DIGEST, MALFORMED_XML};
use crate::s3::payload::several_checksums;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(service: &Service, request: S3Request) -> Result<Response, S3Error> {
    let only_if = headers::read_conditional(ConditionTarget::Object, &request.headers)?;
    let upload_id = request.upload_id().to_owned();
    let size = request.header("x-amz-mp-object-size")?.map(parse_size).transpose()?;
    let ssec_key = request.ssec_key(CustomerKeyTarget::Object)?;
    let mut location = format!("{}://{}/", request.scheme, request.host());
    if !request.is_virtual_hosted {
        location.push_str(&request.bucket);
        location.push('/');
    }
    sigv4::encode_path(&request.key, &mut location);
    let payload = request.payload.with_content_md5_only(&request.headers);
    let parts = parse(&payload.document().await?)?;
    let checksum = checksum_of_whole(&request.headers, parts.len())?;
    let bucket = service.store.bucket(&request.bucket)?;
    if let Some(begun) = upload_checksum::algorithm_of(&bucket, &request.key, &upload_id).await? {
        check_type(begun, &request.headers)?;
        check_checksums_of_parts(begun, &parts)?;
    }
    if let Some(size) = size {
        check_size(&bucket, &request.key, &upload_id, &parts, size).await?;
    }
    let mut complete = CompleteMultipartUploadRequest::new(&request.key, upload_id, parts);
    (complete.only_if, complete.checksum, complete.ssec_key) = (only_if, checksum, ssec_key);
    let stored = bucket.complete_multipart_upload(complete).await?;
    let mut response = response::document("CompleteMultipartUploadResult", |root| {
        root.text("Location", &location);
        root.text("Bucket", &request.bucket);
        root.text("Key", &request.key);
        root.text("ETag", stored.http_etag());
        xml_checksums::write_of_object(&stored.checksums, root);
    });
    expiration::add(&bucket, &request.key, stored.uploaded, response.headers_mut()).await?;
    Ok(response)
}

/// The one `x-amz-checksum-*`: of all bytes for CRC-64/NVME, else of the checksums of the parts. Some clients
/// leave out how many these are.
fn checksum_of_whole(headers: &HeaderMap, parts: usize) -> Result<Option<ObjectChecksum>, S3Error> {
    let given = |algorithm: ChecksumAlgorithm| {
        let kind = algorithm.type_of_parts()?;
        Some((algorithm, kind, headers.get(headers::checksum_header(algorithm)?)?))
    };
    let mut all = ChecksumAlgorithm::ALL.into_iter().filter_map(given);
    let Some((algorithm, kind, value)) = all.next() else { return Ok(None) };
    if all.next().is_some() {
        return Err(several_checksums());
    }
    let value = value.to_str().unwrap_or_default();
    let checksum = ObjectChecksum::from_base64(algorithm, value).map_err(|_| INVALID_DIGEST)?;
    match (kind, checksum) {
        (ChecksumType::Composite, ObjectChecksum::FullObject(checksum)) => {
            let parts = u16::try_from(parts).map_err(|_| MALFORMED_XML)?;
            Ok(Some(CompositeChecksum::new(checksum, parts).into()))
        }
        _ if checksum.checksum_type() == kind => Ok(Some(checksum)),
        _ => Err(INVALID_DIGEST.into()),
    }
}

/// Refuses a checksum type that differs from that of the upload.
fn check_type(begun: ChecksumAlgorithm, headers: &HeaderMap) -> Result<(), S3Error> {
    let Some(kind) = begun.type_of_parts() else { return Ok(()) };
    match headers.get(headers::CHECKSUM_TYPE) {
        Some(given) if given != kind.as_s3() => Err(S3Error::new(
            INVALID_REQUEST,
            format!(
                "The upload was created using the {kind} checksum mode. The complete request must use the same \
                 checksum mode."
            ),
        )),
        _ => Ok(()),
    }
}

/// Refuses parts without the checksums that the object's checksum is computed from.
fn check_checksums_of_parts(begun: ChecksumAlgorithm, parts: &[UploadedPart]) -> Result<(), S3Error> {
    let without = parts.iter().find(|part| part.checksums.get(begun).is_none());
    match without.filter(|_| upload_checksum::needs_parts(begun)) {
        Some(part) => Err(S3Error::new(
            INVALID_REQUEST,
            format!(
                "The upload was created using a {begun} checksum. The complete request must include the checksum \
                 for each part. It was missing for part {} in the request.",
                part.part_number
            ),
        )),
        None => Ok(()),
    }
}

fn parse_size(size: &str) -> Result<u64, S3Error> {
    size.parse().map_err(|_| S3Error::invalid_argument("x-amz-mp-object-size must be a number of bytes"))
}

/// Refuses an object whose size differs from the expected one. The compared parts are those that are
/// completed: a part that is replaced in between has a different etag than the given one.
async fn check_size(
    bucket: &LocalBucket,
    key: &str,
    upload_id: &str,
    parts: &[UploadedPart],
    expected: u64,
) -> Result<(), S3Error> {
    let given: HashSet<u16> = parts.iter().map(|part| part.part_number).collect();
    let mut size = 0;
    let mut list = ListPartsRequest::new(key, upload_id);
    loop {
        let page = bucket.list_parts(list.clone()).await?;
        let used = page.parts.iter().filter(|part| given.contains(&part.part_number));
        size += used.filter_map(|part| part.size).sum::<u64>();
        list.part_number_marker = page.next_part_number_marker;
        if !page.truncated {
            break;
        }
    }
    if size == expected {
        return Ok(());
    }
    Err(S3Error::new(
        INVALID_REQUEST,
        format!("The parts have {size} bytes in total, but x-amz-mp-object-size is {expected}"),
    ))
}

/// Returns the parts, which can have any order, as in R2.
fn parse(document: &[u8]) -> Result<Vec<UploadedPart>, S3Error> {
    let root = Element::parse(document)?;
    if root.name() != "CompleteMultipartUpload" {
        return Err(MALFORMED_XML.into());
    }
    let parts: Vec<UploadedPart> = root
        .children("Part")
        .map(|part| {
            let part_number = part.optional("PartNumber")?.ok_or(MALFORMED_XML)?;
            let mut uploaded = UploadedPart::new(part_number, headers::unquote(part.required("ETag")?));
            uploaded.checksums = xml_checksums::read(part);
            Ok(uploaded)
        })
        .collect::<Result<_, S3Error>>()?;
    if parts.is_empty() || parts.len() > usize::from(MAX_PARTS) {
        return Err(MALFORMED_XML.into());
    }
    Ok(parts)
}
