//! [ListMultipartUploads](https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html)

use cloudflare_clients::r2::{Bucket as _, ListMultipartUploadsRequest, MultipartUploadsPage};
use cloudflare_clients::s3::xml_checksums;

use super::key_encoding::KeyEncoding;
use super::max_keys;
use crate::s3::error::S3Error;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(service: &Service, request: &S3Request) -> Result<Response, S3Error> {
    let text = |name: &str| request.query.get(name).filter(|value| !value.is_empty());
    let prefix = text("prefix").unwrap_or_default();
    let (delimiter, key_marker) = (text("delimiter"), text("key-marker"));
    // An upload marker without its key means nothing.
    let upload_id_marker = key_marker.and(text("upload-id-marker"));
    let max_uploads = max_keys::parse(request.query.get("max-uploads"))?;
    let encoding = KeyEncoding::parse(request)?;
    let encode = |text: &str| encoding.encode(text);

    let mut list = ListMultipartUploadsRequest::new();
    (list.prefix, list.delimiter) = (prefix.to_owned(), delimiter.map(str::to_owned));
    list.key_marker = key_marker.map(str::to_owned);
    list.upload_id_marker = upload_id_marker.map(str::to_owned);
    list.limit = max_keys::limit(max_uploads);
    let mut page = service.store.bucket(&request.bucket)?.list_multipart_uploads(list).await?;
    if max_uploads == 0 {
        let any = !page.uploads.is_empty() || !page.delimited_prefixes.is_empty();
        page = MultipartUploadsPage::default();
        page.truncated = any;
    }

    Ok(response::document("ListMultipartUploadsResult", |root| {
        root.text("Bucket", &request.bucket);
        root.text("KeyMarker", encode(key_marker.unwrap_or_default()));
        root.text("UploadIdMarker", upload_id_marker.unwrap_or_default());
        if let Some(next) = &page.next_key_marker {
            root.text("NextKeyMarker", encode(next));
        }
        if let Some(next) = &page.next_upload_id_marker {
            root.text("NextUploadIdMarker", next);
        }
        root.text("Prefix", encode(prefix));
        if let Some(delimiter) = delimiter {
            root.text("Delimiter", encode(delimiter));
        }
        root.text("MaxUploads", max_uploads);
        root.text("IsTruncated", page.truncated);
        for upload in &page.uploads {
            root.element("Upload", |entry| {
                entry.text("Key", encode(&upload.key));
                entry.text("UploadId", &upload.upload_id);
                entry.text("Initiated", humantime::format_rfc3339_millis(upload.initiated));
                entry.text("StorageClass", upload.storage_class.unwrap_or_default().as_s3());
                if let Some(algorithm) = upload.checksum_algorithm {
                    xml_checksums::write_algorithm(algorithm, algorithm.type_of_parts(), entry);
                }
            });
        }
        for prefix in &page.delimited_prefixes {
            root.element("CommonPrefixes", |entry| entry.text("Prefix", encode(prefix)));
        }
        encoding.write(root);
    }))
}
