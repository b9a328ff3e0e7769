//! [CompleteMultipartUpload](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html)

use std::collections::HashSet;

use cloudflare_clients::LocalBucket;
use cloudflare_clients::r2::{
    Bucket as _, Checksum, ChecksumAlgorithm, CompleteMultipartUploadRequest, ListPartsRequest, MAX_PARTS,
    UploadedPart,
};
use cloudflare_clients::s3::error_code::INVALID_REQUEST;
use cloudflare_clients::s3::headers::{self, ConditionTarget};
use cloudflare_clients::s3::xml::Element;
use cloudflare_clients::s3::xml_checksums;
use cloudflare_clients::sigv4;
use http::{HeaderMap, HeaderValue};

use crate::s3::error::S3Error;
use crate::s3::known_error::{INVALID_DIGEST, MALFORMED_XML};
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(service: &Service, request: S3Request) -> Result<Response, S3Error> {
    let only_if = headers::read_conditional(ConditionTarget::Object, &request.headers)?;
    let upload_id = request.upload_id().to_owned();
    let size = request.header("x-amz-mp-object-size")?.map(parse_size).transpose()?;
    let checksum = checksum_of_whole(&request.headers)?;
    let mut location = format!("{}://{}/", request.scheme, request.host());
    if !request.is_virtual_hosted {
        location.push_str(&request.bucket);
        location.push('/');
    }
    sigv4::encode_path(&request.key, &mut location);
    let parts = parse(&request.payload.with_content_md5_only().document().await?)?;
    let bucket = service.store.bucket(&request.bucket)?;
    if let Some(size) = size {
        check_size(&bucket, &request.key, &upload_id, &parts, size).await?;
    }
    let mut complete = CompleteMultipartUploadRequest::new(&request.key, upload_id, parts);
    (complete.only_if, complete.checksum) = (only_if, checksum);
    let stored = bucket.complete_multipart_upload(complete).await?;
    Ok(response::document("CompleteMultipartUploadResult", |root| {
        root.text("Location", &location);
        root.text("Bucket", &request.bucket);
        root.text("Key", &request.key);
        root.text("ETag", stored.http_etag());
        xml_checksums::write(&stored.checksums, root);
        if !stored.checksums.is_empty() {
            root.text("ChecksumType", "FULL_OBJECT");
        }
    }))
}

/// `x-amz-checksum-crc64nvme`; other checksums are of those of the parts.
fn checksum_of_whole(headers: &HeaderMap) -> Result<Option<Checksum>, S3Error> {
    let given = headers::checksum_header(ChecksumAlgorithm::Crc64Nvme).and_then(|name| headers.get(name));
    let parse = |given: &HeaderValue| {
        Checksum::from_base64(ChecksumAlgorithm::Crc64Nvme, given.to_str().unwrap_or_default())
    };
    given.map(parse).transpose().map_err(|_| INVALID_DIGEST.into())
}

fn parse_size(size: &str) -> Result<u64, S3Error> {
    size.parse().map_err(|_| S3Error::invalid_argument("x-amz-mp-object-size must be a number of bytes"))
}

/// Refuses an object of another size than the client expects. What is compared is what will be completed: a part that
/// is replaced meanwhile has another etag than the one given.
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
        format!("The parts have {size} bytes together, and x-amz-mp-object-size says {expected}"),
    ))
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
