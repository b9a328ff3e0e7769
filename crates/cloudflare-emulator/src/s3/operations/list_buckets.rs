//! [ListBuckets](https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html), with R2's paging.

use std::time::SystemTime;

use cloudflare_clients::r2::{Account as _, BucketsPage, ListBucketsRequest};
use cloudflare_clients::s3::list_buckets::{IS_TRUNCATED, NEXT_CONTINUATION_TOKEN};
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
    let max_keys = parameter("max-keys")?.or_else(|| request.query.get("max-buckets"));
    let max_keys = max_keys::parse(max_keys)?;
    let mut list = ListBucketsRequest::default();
    list.prefix = parameter("prefix")?.unwrap_or_default().to_owned();
    list.start_after = parameter("start-after")?.map(str::to_owned);
    list.cursor = parameter("continuation-token")?.map(str::to_owned);
    list.limit = max_keys::limit(max_keys);
    let BucketsPage { mut buckets, cursor, .. } = service.store.list(list).await?;
    // If 0 buckets were requested, there is no next page either.
    buckets.truncate(max_keys::page_size(max_keys));
    let next = cursor.filter(|_| !buckets.is_empty());

    let mut response = response::document("ListAllMyBucketsResult", |root| {
        root.element("Buckets", |list| {
            for bucket in &buckets {
                list.element("Bucket", |entry| {
                    let created = bucket.created.unwrap_or(SystemTime::UNIX_EPOCH);
                    entry.text("CreationDate", humantime::format_rfc3339_millis(created));
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
        headers.insert(IS_TRUNCATED, HeaderValue::from_static("true"));
        headers.insert(NEXT_CONTINUATION_TOKEN, response::value(&next)?);
    }
    Ok(response)
}
