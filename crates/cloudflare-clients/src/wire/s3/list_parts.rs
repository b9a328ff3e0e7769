//! [ListParts](https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html).

use http::Method;

use super::response::{Listing, etag, storage_class, time, unreadable};
use super::{Request, Response, xml_checksums};
use crate::error::{Error, Result};
use crate::model::r2::{ListPartsRequest, PartsPage, UploadedPart};

/// Gets one page of the parts of an upload.
pub fn request(request: &ListPartsRequest) -> Result<Request> {
    request.validate()?;
    Ok(Request::new(Method::GET, Some(&request.key))
        .query("uploadId", &request.upload_id)
        .query_if_some("part-number-marker", request.part_number_marker)
        .query_if_some("max-parts", request.limit))
}

/// Parses one page.
pub fn parse(response: &Response) -> Result<PartsPage> {
    let document = response.xml("ListPartsResult")?;
    let mut parts = Vec::new();
    for part in document.children("Part") {
        let number = part.optional("PartNumber").map_err(unreadable)?;
        let number = number.ok_or_else(|| Error::unexpected("a part in the answer has no number"))?;
        let mut listed = UploadedPart::new(number, etag(part)?);
        listed.size = part.optional("Size").map_err(unreadable)?;
        listed.uploaded = time(part, "LastModified").ok();
        listed.checksums = xml_checksums::read(part);
        parts.push(listed);
    }
    let truncated = Listing::new(&document).truncated()?;
    let next_part_number_marker = if truncated {
        let marker = document.optional("NextPartNumberMarker").map_err(unreadable)?;
        Some(marker.ok_or_else(|| {
            Error::unexpected(
                "the answer says that there are more parts, but has no marker for the next page",
            )
        })?)
    } else {
        None
    };
    Ok(PartsPage {
        parts,
        truncated,
        next_part_number_marker,
        storage_class: storage_class(&document),
        checksum_algorithm: xml_checksums::read_algorithm(&document),
    })
}
