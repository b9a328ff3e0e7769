//! [ListParts](https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html)

use cloudflare_clients::r2::{Bucket as _, ListPartsRequest};
use cloudflare_clients::s3::xml_checksums;

use super::max_keys;
use crate::s3::error::S3Error;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(service: &Service, request: &S3Request) -> Result<Response, S3Error> {
    let upload_id = request.upload_id();
    let max_parts = max_keys::parse(request.query.get("max-parts"))?;
    let marker = match request.query.get("part-number-marker") {
        None | Some("") => None,
        Some(marker) => Some(
            marker
                .parse()
                .map_err(|_| S3Error::invalid_argument("part-number-marker must be a part's number"))?,
        ),
    };
    let mut list = ListPartsRequest::new(&request.key, upload_id);
    (list.part_number_marker, list.limit) = (marker, max_keys::limit(max_parts));
    let mut page = service.store.bucket(&request.bucket)?.list_parts(list).await?;
    if max_parts == 0 {
        let any = !page.parts.is_empty();
        page.parts.clear();
        (page.truncated, page.next_part_number_marker) = (any, None);
    }

    Ok(response::document("ListPartsResult", |root| {
        root.text("Bucket", &request.bucket);
        root.text("Key", &request.key);
        root.text("UploadId", upload_id);
        root.text("PartNumberMarker", marker.unwrap_or_default());
        if let Some(next) = page.next_part_number_marker {
            root.text("NextPartNumberMarker", next);
        }
        root.text("MaxParts", max_parts);
        root.text("IsTruncated", page.truncated);
        root.text("StorageClass", page.storage_class.unwrap_or_default().as_s3());
        if let Some(algorithm) = page.checksum_algorithm {
            xml_checksums::write_algorithm(algorithm, algorithm.type_of_parts(), root);
        }
        for part in &page.parts {
            root.element("Part", |entry| {
                entry.text("PartNumber", part.part_number);
                entry.text("ETag", format!("\"{}\"", part.etag));
                if let Some(uploaded) = part.uploaded {
                    entry.text("LastModified", humantime::format_rfc3339_millis(uploaded));
                }
                if let Some(size) = part.size {
                    entry.text("Size", size);
                }
                xml_checksums::write(&part.checksums, entry);
            });
        }
    }))
}
