//! Listing objects: one page, or all.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};

use super::setters::listing_setters;
use crate::client::operation::{Operation, sent_when_awaited};
use crate::client::pages::{Listed, Pages, pages};
use crate::error::Result;
use crate::model::r2::{ListPage, ListRequest, Object};
use crate::r2::service::R2Service;

impl R2Service {
    /// Lists objects: `r2.list().prefix("a/").await?` returns one page, `.stream()` all objects.
    pub fn list(&self) -> List {
        List { service: self.clone(), request: ListRequest::default() }
    }
}

/// The maximum number of concurrent heads, if the backend cannot list metadata.
const HEAD_CONCURRENCY: usize = 8;

const LIST: Operation<'_> = Operation::without_key("list");

/// A request to list objects, sorted by the bytes of their keys.
///
/// Awaiting it returns one [`ListPage`]. [`stream`](Self::stream) and [`pages`](Self::pages) fetch all pages,
/// one after another.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct List {
    service: R2Service,
    request: ListRequest,
}

impl List {
    listing_setters!(ListPage);

    /// Continues where a page ended: at its [`ListPage::cursor`], with the same prefix and delimiter.
    pub fn cursor(mut self, cursor: impl Into<String>) -> Self {
        self.request.cursor = Some(cursor.into());
        self
    }

    /// Lists only keys after this one.
    pub fn start_after(mut self, key: impl Into<String>) -> Self {
        self.request.start_after = Some(key.into());
        self
    }

    /// Includes the objects' HTTP and custom metadata. Over S3, this sends a head for each object, eight
    /// concurrently.
    pub fn include_metadata(mut self) -> Self {
        self.request.include_metadata = true;
        self
    }

    /// Returns all objects, fetched page by page. With a delimiter, objects within the delimited prefixes are
    /// not included: see [`pages`](Self::pages).
    pub fn stream(self) -> BoxStream<'static, Result<Object>> {
        self.pages().map_ok(|page| stream::iter(page.objects.into_iter().map(Ok))).try_flatten().boxed()
    }

    /// Returns all pages.
    pub fn pages(self) -> BoxStream<'static, Result<ListPage>> {
        pages(self)
    }

    async fn send(self) -> Result<ListPage> {
        let Self { service, request } = self;
        LIST.check(request.validate())?;
        let mut page = service.attempts().run(&LIST, || Some(service.bucket().list(request.clone()))).await?;
        if request.include_metadata && page.objects.iter().any(|object| object.http_metadata.is_none()) {
            page.objects = with_metadata(&service, page.objects).await?;
        }
        Ok(page)
    }
}

impl Pages for List {
    type Page = ListPage;

    fn fetch(self) -> BoxFuture<'static, Result<ListPage>> {
        self.send().boxed()
    }

    fn after(mut self, page: &ListPage, listed: &mut Listed) -> Result<Option<Self>> {
        if !page.truncated {
            return Ok(None);
        }
        let is_empty = page.objects.is_empty() && page.delimited_prefixes.is_empty();
        let next = listed.next_page(self.request.cursor.as_ref(), page.cursor.clone(), is_empty);
        self.request.cursor = Some(LIST.check_answer(next)?);
        Ok(Some(self))
    }
}

/// Adds metadata from heads. Objects that were deleted in the meantime are omitted. The upload time is the
/// listing's, in milliseconds, because a head over S3 has whole seconds only.
async fn with_metadata(service: &R2Service, objects: Vec<Object>) -> Result<Vec<Object>> {
    let heads = objects.into_iter().map(|listed| async move {
        let found = service.head(listed.key).await?;
        Ok(found.map(|mut found| {
            if found.etag == listed.etag {
                found.uploaded = listed.uploaded;
            }
            found
        }))
    });
    stream::iter(heads)
        .buffered(HEAD_CONCURRENCY)
        .try_filter_map(async |object| Ok(object))
        .try_collect()
        .await
}

sent_when_awaited!(List => ListPage);
