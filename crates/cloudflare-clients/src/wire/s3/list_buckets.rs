//! [ListBuckets](https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html), with [R2's
//! paging](https://developers.cloudflare.com/r2/api/s3/extensions/#listbuckets): by query parameters, or by
//! headers with the prefix `cf-` and the same names.

use http::{HeaderName, Method};

use super::response::{time, unreadable};
use super::{Request, Response};
use crate::error::{Error, Result};
use crate::model::r2::{BucketInfo, BucketsPage, ListBucketsRequest};
use crate::transport::headers::value;

/// In an answer, `true` if there are more buckets.
pub const IS_TRUNCATED: HeaderName = HeaderName::from_static("cf-is-truncated");
/// In an answer, the token of the next page.
pub const NEXT_CONTINUATION_TOKEN: HeaderName = HeaderName::from_static("cf-next-continuation-token");

/// Gets one page. The request is about the account, and is signed without a bucket.
pub fn request(request: &ListBucketsRequest) -> Result<Request> {
    request.validate()?;
    let limit = request.limit.map(|limit| limit.to_string());
    let parameters = [
        ("cf-prefix", Some(request.prefix.as_str())),
        ("cf-start-after", request.start_after.as_deref()),
        ("cf-continuation-token", request.cursor.as_deref()),
        ("cf-max-keys", limit.as_deref()),
    ];
    let mut list = Request::new(Method::GET, None);
    for (header, text) in parameters {
        let Some(text) = text.filter(|text| !text.is_empty()) else { continue };
        if request.by_headers {
            list.headers.insert(HeaderName::from_static(header), value(header, text)?);
        } else {
            list = list.query(&header["cf-".len()..], text);
        }
    }
    Ok(list)
}

/// Parses one page. R2 sends the token of the next one in a header, AWS in the document.
pub fn parse(response: &Response) -> Result<BucketsPage> {
    let document = response.xml("ListAllMyBucketsResult")?;
    let entries = document.child("Buckets").map(|list| list.children("Bucket"));
    let mut buckets = Vec::new();
    for entry in entries.into_iter().flatten() {
        let mut bucket = BucketInfo::new(entry.required("Name").map_err(unreadable)?);
        bucket.created = Some(time(entry, "CreationDate")?);
        buckets.push(bucket);
    }
    let header = |name| response.headers.get(name).and_then(|value| value.to_str().ok());
    let token = header(NEXT_CONTINUATION_TOKEN)
        .or_else(|| document.child("ContinuationToken").map(|token| token.text().trim()))
        .filter(|token| !token.is_empty());
    match token {
        Some(token) => Ok(BucketsPage::new(buckets).truncated_at(token)),
        None if header(IS_TRUNCATED) == Some("true") => Err(Error::unexpected(
            "the answer says that there are more buckets, but has no token for the next page",
        )),
        None => Ok(BucketsPage::new(buckets)),
    }
}
