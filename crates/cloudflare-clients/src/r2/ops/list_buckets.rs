//! Listing buckets: one page, or all.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};

use crate::client::operation::{Operation, sent_when_awaited};
use crate::client::pages::{Listed, Pages, pages};
use crate::error::Result;
use crate::model::r2::{BucketInfo, BucketsPage, ListBucketsRequest};
use crate::r2::buckets::Buckets;

impl Buckets {
    /// Lists buckets: `buckets.list().prefix("a").await?` returns one page, `.stream()` all buckets.
    pub fn list(&self) -> ListBuckets {
        ListBuckets { buckets: self.clone(), request: ListBucketsRequest::default() }
    }
}

const LIST: Operation<'_> = Operation::without_key("list_buckets");

/// A request to [list buckets](https://developers.cloudflare.com/r2/api/s3/extensions/#listbuckets), sorted
/// by name.
///
/// Awaiting it returns one [`BucketsPage`]. [`stream`](Self::stream) and [`pages`](Self::pages) fetch all
/// pages, one after another.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct ListBuckets {
    buckets: Buckets,
    request: ListBucketsRequest,
}

impl ListBuckets {
    /// Lists only buckets whose names start with this.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.request.prefix = prefix.into();
        self
    }

    /// Lists only buckets after this name.
    pub fn start_after(mut self, name: impl Into<String>) -> Self {
        self.request.start_after = Some(name.into());
        self
    }

    /// Continues where a page ended: at its [`BucketsPage::cursor`], with the same prefix.
    pub fn cursor(mut self, cursor: impl Into<String>) -> Self {
        self.request.cursor = Some(cursor.into());
        self
    }

    /// Sets the maximum number of buckets per page: 1 to 1,000, which is the default.
    pub fn page_size(mut self, size: u32) -> Self {
        self.request.limit = Some(size);
        self
    }

    /// Sends these settings in R2's headers (`cf-prefix`, `cf-max-keys` and so on), for networks that do not
    /// pass query parameters on. The result is the same.
    pub fn by_headers(mut self) -> Self {
        self.request.by_headers = true;
        self
    }

    /// Returns all buckets, fetched page by page.
    pub fn stream(self) -> BoxStream<'static, Result<BucketInfo>> {
        self.pages().map_ok(|page| stream::iter(page.buckets.into_iter().map(Ok))).try_flatten().boxed()
    }

    /// Returns all pages.
    pub fn pages(self) -> BoxStream<'static, Result<BucketsPage>> {
        pages(self)
    }

    async fn send(self) -> Result<BucketsPage> {
        let Self { buckets, request } = self;
        LIST.check(request.validate())?;
        buckets.attempts().run(&LIST, || Some(buckets.account().list(request.clone()))).await
    }
}

impl Pages for ListBuckets {
    type Page = BucketsPage;

    fn fetch(self) -> BoxFuture<'static, Result<BucketsPage>> {
        self.send().boxed()
    }

    fn after(mut self, page: &BucketsPage, listed: &mut Listed) -> Result<Option<Self>> {
        if !page.truncated {
            return Ok(None);
        }
        let is_empty = page.buckets.is_empty();
        let next = listed.next_page(self.request.cursor.as_ref(), page.cursor.clone(), is_empty);
        self.request.cursor = Some(LIST.check_answer(next)?);
        Ok(Some(self))
    }
}

sent_when_awaited!(ListBuckets => BucketsPage);
