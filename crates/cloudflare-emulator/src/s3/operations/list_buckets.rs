//! [ListBuckets](https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html), with R2's paging.

use http::HeaderValue;

use super::max_keys;
use crate::s3::error::S3Error;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

pub(super) async fn run(service: &Service, request: &S3Request) -> Result<Response, S3Error> {
    // R2 takes these as headers, too, which win.
    let parameter = |name: &str| -> Result<Option<&str>, S3Error> {
        let header = request.header(&format!("cf-{name}"))?;
        Ok(header.or_else(|| request.query.get(name)))
    };
    let prefix = parameter("prefix")?.unwrap_or_default();
    // The token is the last name of the page before.
    let after = parameter("continuation-token")?.max(parameter("start-after")?).unwrap_or_default();
    let max_keys = parameter("max-keys")?.or_else(|| request.query.get("max-buckets"));
    let limit = max_keys::page_size(max_keys::parse(max_keys)?);

    let mut buckets = service.store.buckets().await?;
    buckets.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    buckets.retain(|bucket| bucket.name.starts_with(prefix) && bucket.name.as_str() > after);
    let truncated = buckets.len() > limit;
    buckets.truncate(limit);
    let next = buckets.last().filter(|_| truncated).map(|last| last.name.clone());

    let mut response = response::document("ListAllMyBucketsResult", |root| {
        root.element("Buckets", |list| {
            for bucket in &buckets {
                list.element("Bucket", |entry| {
                    entry.text("CreationDate", humantime::format_rfc3339_millis(bucket.created));
                    entry.text("Name", &bucket.name);
                });
            }
        });
        root.element("Owner", |owner| {
            owner.text("DisplayName", &service.account_id);
            owner.text("ID", &service.account_id);
        });
        // AWS's way of saying it.
        if let Some(next) = &next {
            root.text("ContinuationToken", next);
        }
    });
    if let Some(next) = next {
        let headers = response.headers_mut();
        headers.insert("cf-is-truncated", HeaderValue::from_static("true"));
        headers.insert("cf-next-continuation-token", response::value(&next)?);
    }
    Ok(response)
}
