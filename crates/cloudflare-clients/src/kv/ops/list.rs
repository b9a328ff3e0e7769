//! Lists keys, one page or all.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};

use crate::client::operation::{Operation, sent_when_awaited};
use crate::client::pages::{Listed, Pages, pages};
use crate::error::Result;
use crate::kv::client::KvClient;
use crate::model::kv::limits::validate_page_size;
use crate::model::kv::{ListPage, ListRequest, ListedKey};

impl KvClient {
    /// Lists keys: `kv.list().prefix("a/").await?` returns one page, `.stream()` returns all keys.
    pub fn list(&self) -> List {
        List { client: self.clone(), request: ListRequest::default() }
    }
}

const LIST: Operation<'_> = Operation::without_key("list");

/// A [list request](https://developers.cloudflare.com/kv/api/list-keys/). Keys are ordered by their bytes.
///
/// Awaiting it returns one [`ListPage`]. [`stream`](Self::stream) and [`pages`](Self::pages) fetch page after
/// page until the list is complete. A page may be empty without being the last one.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct List {
    client: KvClient,
    request: ListRequest,
}

impl List {
    /// Lists only keys that start with this prefix.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.request.prefix = prefix.into();
        self
    }

    /// Sets the maximum number of keys per page: 1 to 1,000. Default: 1,000.
    pub fn page_size(mut self, size: u32) -> Self {
        self.request.limit = Some(size);
        self
    }

    /// Continues after a page. Pass its [`ListPage::cursor`] and the same prefix.
    pub fn cursor(mut self, cursor: impl Into<String>) -> Self {
        self.request.cursor = Some(cursor.into());
        self
    }

    /// Returns all keys, fetching page after page.
    pub fn stream(self) -> BoxStream<'static, Result<ListedKey>> {
        self.pages().map_ok(|page| stream::iter(page.keys.into_iter().map(Ok))).try_flatten().boxed()
    }

    /// Returns all pages.
    pub fn pages(self) -> BoxStream<'static, Result<ListPage>> {
        pages(self)
    }

    async fn send(self) -> Result<ListPage> {
        let Self { client, request } = self;
        LIST.check(validate_page_size(request.limit))?;
        client.attempts().run(&LIST, || Some(client.namespace().list(request.clone()))).await
    }
}

impl Pages for List {
    type Page = ListPage;

    fn fetch(self) -> BoxFuture<'static, Result<ListPage>> {
        self.send().boxed()
    }

    fn after(mut self, page: &ListPage, listed: &mut Listed) -> Result<Option<Self>> {
        if page.list_complete {
            return Ok(None);
        }
        let next = listed.next_page(self.request.cursor.as_ref(), page.cursor.clone(), page.keys.is_empty());
        self.request.cursor = Some(LIST.check_answer(next)?);
        Ok(Some(self))
    }
}

sent_when_awaited!(List => ListPage);
