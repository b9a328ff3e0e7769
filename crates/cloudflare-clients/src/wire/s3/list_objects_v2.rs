//! [ListObjectsV2](https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html).

use http::Method;

use super::headers::unquote;
use super::response::{Listing, storage_class, time, unreadable};
use super::xml::Element;
use super::{Request, Response};
use crate::error::{Error, Result};
use crate::model::r2::headers::check_etag;
use crate::model::r2::{ListPage, ListRequest, Object};

/// Gets one page.
pub fn request(request: &ListRequest) -> Result<Request> {
    request.validate()?;
    let mut list = Request::new(Method::GET, None).query("list-type", "2").query("encoding-type", "url");
    if !request.prefix.is_empty() {
        list = list.query("prefix", &request.prefix);
    }
    Ok(list
        .query_if_some("delimiter", request.delimiter.as_deref().filter(|text| !text.is_empty()))
        .query_if_some("continuation-token", request.cursor.as_deref())
        .query_if_some("start-after", request.start_after.as_deref().filter(|text| !text.is_empty()))
        .query_if_some("max-keys", request.limit))
}

/// Parses one page.
pub fn parse(response: &Response) -> Result<ListPage> {
    let document = response.xml("ListBucketResult")?;
    let listing = Listing::new(&document);
    let mut objects = Vec::new();
    for entry in document.children("Contents") {
        let key = listing.decode(entry.required("Key").map_err(unreadable)?)?;
        let size = entry.optional("Size").map_err(unreadable)?;
        let size = size.ok_or_else(|| Error::unexpected("an object in the listing has no size"))?;
        // Some services omit the etag.
        let etag = match unquote(entry.child("ETag").map_or("", Element::text)) {
            "" => "",
            etag => check_etag(etag)?,
        };
        let mut object = Object::new(key, size, etag, time(entry, "LastModified")?);
        object.storage_class = storage_class(entry);
        objects.push(object);
    }
    let truncated = listing.truncated()?;
    let cursor = document.child("NextContinuationToken").map(|token| token.text().to_owned());
    if truncated && cursor.is_none() {
        return Err(Error::unexpected(
            "the answer says that there are more objects, but has no token for the next page",
        ));
    }
    Ok(ListPage { objects, delimited_prefixes: listing.delimited_prefixes()?, truncated, cursor })
}
