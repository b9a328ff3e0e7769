//! Listing objects, a page or all.

use std::future::IntoFuture;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};

use super::bucket::{ListPage, ListRequest};
use super::limits::validate_page_size;
use super::object::Object;
use super::service::R2Service;
use crate::attempts::Operation;
use crate::error::{Error, ErrorKind, Result};

/// How many heads are under way at once where the backend cannot list metadata.
const HEAD_CONCURRENCY: usize = 8;

const LIST: Operation<'_> = Operation::without_key("list");

/// A listing, in the order of the keys' bytes.
///
/// Awaiting it gives one [`ListPage`]; [`stream`](Self::stream) and [`pages`](Self::pages) go on to the end, a page at a time.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct List {
    service: R2Service,
    request: ListRequest,
}

impl List {
    pub(super) fn new(service: R2Service) -> Self {
        Self { service, request: ListRequest::default() }
    }

    /// Only keys that begin with this.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.request.prefix = prefix.into();
        self
    }

    /// Groups the keys that go on to this after the prefix: `/` lists like a directory, with its directories in
    /// [`ListPage::delimited_prefixes`].
    pub fn delimiter(mut self, delimiter: impl Into<String>) -> Self {
        self.request.delimiter = Some(delimiter.into()).filter(|delimiter| !delimiter.is_empty());
        self
    }

    /// How many objects and delimited prefixes a page has at most: 1 to 1,000, which is the default.
    pub fn page_size(mut self, size: u32) -> Self {
        self.request.limit = Some(size);
        self
    }

    /// Goes on where a page ended: its [`ListPage::cursor`], with the same prefix and delimiter.
    pub fn cursor(mut self, cursor: impl Into<String>) -> Self {
        self.request.cursor = Some(cursor.into());
        self
    }

    /// Only keys after this one.
    pub fn start_after(mut self, key: impl Into<String>) -> Self {
        self.request.start_after = Some(key.into());
        self
    }

    /// Includes the objects' HTTP and custom metadata. Over S3 that takes a head of each object, eight at a time.
    pub fn include_metadata(mut self) -> Self {
        self.request.include_metadata = true;
        self
    }

    /// All objects, page after page. With a delimiter, these are the ones outside its prefixes: see
    /// [`pages`](Self::pages).
    pub fn stream(self) -> BoxStream<'static, Result<Object>> {
        self.pages().map_ok(|page| stream::iter(page.objects.into_iter().map(Ok))).try_flatten().boxed()
    }

    /// All pages.
    pub fn pages(self) -> BoxStream<'static, Result<ListPage>> {
        stream::try_unfold(Some(self), |list| async move {
            let Some(mut list) = list else { return Ok(None) };
            let page = list.clone().send().await?;
            if !page.truncated {
                return Ok(Some((page, None)));
            }
            let next = next_page(page.cursor.clone(), list.request.cursor.as_ref());
            list.request.cursor = Some(LIST.check(next)?);
            Ok(Some((page, Some(list))))
        })
        .boxed()
    }

    async fn send(self) -> Result<ListPage> {
        let Self { service, request } = self;
        LIST.check(validate_page_size(request.limit))?;
        let mut page = service.run(&LIST, || Some(service.bucket().list(request.clone()))).await?;
        if request.include_metadata && page.objects.iter().any(|object| object.http_metadata.is_none()) {
            page.objects = with_metadata(&service, page.objects).await?;
        }
        Ok(page)
    }
}

/// Where the page after a truncated one begins. A service that does not say, or says again where this page began, must
/// neither end the listing early nor keep it going for ever.
pub(crate) fn next_page<M: PartialEq>(next: Option<M>, here: Option<&M>) -> Result<M> {
    next.filter(|next| Some(next) != here).ok_or_else(|| {
        Error::new(
            ErrorKind::UnexpectedResponse,
            "the listing goes on, and the service does not say where the next page begins",
        )
    })
}

/// Objects that were deleted since they were listed are left out.
async fn with_metadata(service: &R2Service, objects: Vec<Object>) -> Result<Vec<Object>> {
    let heads = objects.into_iter().map(|object| async move { service.head(object.key).await });
    stream::iter(heads)
        .buffered(HEAD_CONCURRENCY)
        .try_filter_map(async |object| Ok(object))
        .try_collect()
        .await
}

impl IntoFuture for List {
    type Output = Result<ListPage>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.send().boxed()
    }
}
