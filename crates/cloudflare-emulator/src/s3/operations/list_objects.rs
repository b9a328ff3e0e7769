//! [ListObjects](https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html) and
//! [ListObjectsV2](https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html)

use cloudflare_clients::r2::{Bucket as _, ListPage, ListRequest, normalize_key};
use cloudflare_clients::s3::xml::Writer;
use cloudflare_clients::s3::xml_checksums;

use super::key_encoding::KeyEncoding;
use super::max_keys;
use crate::s3::error::S3Error;
use crate::s3::request::S3Request;
use crate::s3::response::{self, Response};
use crate::service::Service;

/// Begins the tokens of empty pages: the store's tokens have no such character.
const BEHIND_EMPTY_PAGE: &str = "~";
/// Follows it where a key comes next, in hex, and not a token of the store.
const AFTER_KEY: &str = "~";
/// The most bytes of a key in the form by which keys are compared: NFC may triple [its length][1].
///
/// [1]: https://www.unicode.org/faq/normalization.html#12
const MAX_NORMALIZED_KEY: usize = 3 * 1024;
/// Frequency of an empty page before a page, if pages may be short.
const EMPTY_PAGES: f64 = 0.25;
/// Frequency of a half-filled page, if pages may be short.
const SHORT_PAGES: f64 = 0.5;

pub(super) async fn v1(service: &Service, request: &S3Request) -> Result<Response, S3Error> {
    let list = List::parse(request)?;
    let marker = request.query.get("marker").unwrap_or_default();
    let start_after = (!marker.is_empty()).then(|| list.after_marker(marker));
    let page = list.page(service, start_after, None).await?;
    // The last of what was returned, be it a key or a prefix, in the order of the bucket.
    let last_key = page.objects.last().map(|object| object.key.as_str());
    let last = [last_key, page.delimited_prefixes.last().map(String::as_str)];
    let last = last.into_iter().flatten().max_by(|one, other| normalize_key(one).cmp(&normalize_key(other)));
    Ok(response::document("ListBucketResult", |root| {
        list.write(root, &page, None);
        root.text("Marker", list.encode(marker));
        if page.truncated
            && let Some(last) = last
        {
            root.text("NextMarker", list.encode(last));
        }
    }))
}

pub(super) async fn v2(service: &Service, request: &S3Request) -> Result<Response, S3Error> {
    let list = List::parse(request)?;
    let start_after = request.query.get("start-after");
    let token = request.query.get("continuation-token");
    let start = Start::parse(start_after, token);
    let mut page = list.page(service, start.after.clone(), start.cursor.clone()).await?;
    if !start.behind_empty_page && service.r2_behaviour.short_pages && happens(service, EMPTY_PAGES) {
        page = ListPage::default();
        page.truncated = true;
        page.cursor = Some(start.token_behind_empty_page());
    }
    let owner = (request.query.get("fetch-owner") == Some("true")).then_some(service.account_id.as_str());
    Ok(response::document("ListBucketResult", |root| {
        list.write(root, &page, owner);
        if let Some(start_after) = start_after {
            root.text("StartAfter", list.encode(start_after));
        }
        if let Some(token) = token {
            root.text("ContinuationToken", token);
        }
        if let Some(next) = &page.cursor {
            root.text("NextContinuationToken", next);
        }
        root.text("KeyCount", page.objects.len() + page.delimited_prefixes.len());
    }))
}

/// Start of a page of version 2.
#[derive(Default)]
struct Start {
    after: Option<String>,
    cursor: Option<String>,
    behind_empty_page: bool,
}

impl Start {
    /// A token says it alone, as with AWS: minio-py sends its token as `start-after`, too.
    fn parse(start_after: Option<&str>, token: Option<&str>) -> Self {
        let Some(token) = token.filter(|token| !token.is_empty()) else {
            return Self { after: start_after.map(str::to_owned), ..Self::default() };
        };
        let Some(rest) = token.strip_prefix(BEHIND_EMPTY_PAGE) else {
            return Self { cursor: Some(token.to_owned()), ..Self::default() };
        };
        let key = rest.strip_prefix(AFTER_KEY).and_then(|key| String::from_utf8(hex::decode(key).ok()?).ok());
        // A key that cannot be read is left to the store, which refuses it.
        let cursor = Some(rest).filter(|rest| key.is_none() && !rest.is_empty());
        Self { cursor: cursor.map(str::to_owned), after: key, behind_empty_page: true }
    }

    /// Returns the token that starts at the same place.
    fn token_behind_empty_page(&self) -> String {
        match (&self.cursor, &self.after) {
            (Some(cursor), _) => format!("{BEHIND_EMPTY_PAGE}{cursor}"),
            (None, Some(key)) => format!("{BEHIND_EMPTY_PAGE}{AFTER_KEY}{}", hex::encode(key)),
            (None, None) => BEHIND_EMPTY_PAGE.to_owned(),
        }
    }
}

/// Decides randomly, with the given frequency.
fn happens(service: &Service, probability: f64) -> bool {
    service.store.runtime().random() < probability
}

/// Parts of both versions.
struct List<'a> {
    bucket: &'a str,
    prefix: &'a str,
    delimiter: Option<&'a str>,
    max_keys: u64,
    encoding: KeyEncoding,
}

impl<'a> List<'a> {
    fn parse(request: &'a S3Request) -> Result<Self, S3Error> {
        Ok(Self {
            bucket: &request.bucket,
            prefix: request.query.get("prefix").unwrap_or_default(),
            delimiter: request.query.get("delimiter").filter(|delimiter| !delimiter.is_empty()),
            max_keys: max_keys::parse(request.query.get("max-keys"))?,
            encoding: KeyEncoding::parse(request)?,
        })
    }

    async fn page(
        &self,
        service: &Service,
        start_after: Option<String>,
        cursor: Option<String>,
    ) -> Result<ListPage, S3Error> {
        let mut list = ListRequest::new();
        (list.prefix, list.delimiter) = (self.prefix.to_owned(), self.delimiter.map(str::to_owned));
        (list.cursor, list.start_after) = (cursor, start_after);
        list.limit = max_keys::limit(self.max_keys);
        let bucket = service.store.bucket(self.bucket)?;
        let mut page = bucket.list(list.clone()).await?;
        let entries = page.objects.len() + page.delimited_prefixes.len();
        if entries > 1 && service.r2_behaviour.short_pages && happens(service, SHORT_PAGES) {
            list.limit = u32::try_from(entries / 2).ok();
            page = bucket.list(list).await?;
        }
        if self.max_keys == 0 {
            let any = !page.objects.is_empty() || !page.delimited_prefixes.is_empty();
            page = ListPage::default();
            page.truncated = any;
        }
        Ok(page)
    }

    /// Where a page begins whose marker may be a delimited prefix: after all keys that it stands for.
    fn after_marker(&self, marker: &str) -> String {
        let [marker, prefix] = [marker, self.prefix].map(normalize_key);
        let stands_for_keys = self.delimiter.map(normalize_key).is_some_and(|delimiter| {
            marker
                .strip_prefix(&*prefix)
                .and_then(|rest| rest.strip_suffix(&*delimiter))
                .is_some_and(|name| !name.contains(&*delimiter))
        });
        if !stands_for_keys {
            return marker.into_owned();
        }
        // No key is long enough to come after this.
        marker.chars().chain(std::iter::repeat_n(char::MAX, MAX_NORMALIZED_KEY / 4)).collect()
    }

    fn encode(&self, text: &str) -> String {
        self.encoding.encode(text)
    }

    fn write(&self, root: &mut Writer, page: &ListPage, owner: Option<&str>) {
        root.text("Name", self.bucket);
        for object in &page.objects {
            root.element("Contents", |entry| {
                entry.text("Key", self.encode(&object.key));
                entry.text("Size", object.size);
                entry.text("LastModified", humantime::format_rfc3339_millis(object.uploaded));
                entry.text("ETag", object.http_etag());
                if let Some(kept) = object.checksums.kept() {
                    xml_checksums::write_algorithm(kept.algorithm(), Some(kept.checksum_type()), entry);
                }
                if let Some(owner) = owner {
                    entry.element("Owner", |element| {
                        element.text("ID", owner);
                        element.text("DisplayName", owner);
                    });
                }
                entry.text("StorageClass", object.storage_class.unwrap_or_default().as_s3());
            });
        }
        root.text("IsTruncated", page.truncated);
        for prefix in &page.delimited_prefixes {
            root.element("CommonPrefixes", |entry| {
                entry.text("Prefix", self.encode(prefix));
            });
        }
        root.text("Prefix", self.encode(self.prefix));
        if let Some(delimiter) = self.delimiter {
            root.text("Delimiter", self.encode(delimiter));
        }
        root.text("MaxKeys", self.max_keys);
        self.encoding.write(root);
    }
}
