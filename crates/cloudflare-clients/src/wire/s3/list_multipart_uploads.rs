//! [ListMultipartUploads](https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html).

use http::Method;

use super::response::{Listing, storage_class, time, unreadable};
use super::{Request, Response, xml_checksums};
use crate::error::{Error, Result};
use crate::model::r2::{ListMultipartUploadsRequest, MultipartUploadSummary, MultipartUploadsPage};

/// Gets one page of the unfinished uploads.
pub fn request(request: &ListMultipartUploadsRequest) -> Result<Request> {
    request.validate()?;
    let mut list = Request::new(Method::GET, None).query("uploads", "").query("encoding-type", "url");
    if !request.prefix.is_empty() {
        list = list.query("prefix", &request.prefix);
    }
    Ok(list
        .query_if_some("delimiter", request.delimiter.as_deref().filter(|text| !text.is_empty()))
        .query_if_some("key-marker", request.key_marker.as_deref())
        .query_if_some("upload-id-marker", request.upload_id_marker.as_deref())
        .query_if_some("max-uploads", request.limit))
}

/// Parses one page.
pub fn parse(response: &Response) -> Result<MultipartUploadsPage> {
    let document = response.xml("ListMultipartUploadsResult")?;
    let listing = Listing::new(&document);
    let mut uploads = Vec::new();
    for upload in document.children("Upload") {
        uploads.push(MultipartUploadSummary {
            key: listing.decode(upload.required("Key").map_err(unreadable)?)?,
            upload_id: upload.required("UploadId").map_err(unreadable)?.trim().to_owned(),
            initiated: time(upload, "Initiated")?,
            storage_class: storage_class(upload),
            checksum_algorithm: xml_checksums::read_algorithm(upload),
        });
    }
    let mut page = MultipartUploadsPage {
        uploads,
        delimited_prefixes: listing.delimited_prefixes()?,
        truncated: listing.truncated()?,
        ..MultipartUploadsPage::default()
    };
    if page.truncated {
        page.next_key_marker = listing.decoded("NextKeyMarker")?;
        if page.next_key_marker.is_none() {
            return Err(Error::unexpected(
                "the answer says that there are more uploads, but has no marker for the next page",
            ));
        }
        let marker = document.child("NextUploadIdMarker").map(|marker| marker.text().trim());
        page.next_upload_id_marker = marker.filter(|marker| !marker.is_empty()).map(str::to_owned);
    }
    Ok(page)
}
