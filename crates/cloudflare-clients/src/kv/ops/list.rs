//! Listing keys, a page or all.

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
    /// Lists keys: `kv.list().prefix("a/").await?` is one page, `.stream()` all keys.
    pub fn list(&self) -> List {
        List { client: self.clone(), request: ListRequest::default() }
    }
}

const LIST: Operation<'_> = Operation::without_key("list");

/// A [listing](https://developers.cloudflare.com/kv/api/list-keys/), in the order of the keys' bytes.
///
/// Awaiting it gives one [`ListPage`]; [`stream`](Self::stream) and [`pages`](Self::pages) go on until the list is complete, a
/// page at a time. A page may be empty and not the last.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct List {
    client: KvClient,
    request: ListRequest,
}

impl List {
    /// Only keys that begin with this.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.request.prefix = prefix.into();
        self
    }

    /// How many keys a page has at most: 1 to 1,000, which is the default.
    pub fn page_size(mut self, size: u32) -> Self {
        self.request.limit = Some(size);
        self
    }

    /// Goes on where a page ended: its [`ListPage::cursor`], with the same prefix.
    pub fn cursor(mut self, cursor: impl Into<String>) -> Self {
        self.request.cursor = Some(cursor.into());
        self
    }

    /// All keys, page after page.
    pub fn stream(self) -> BoxStream<'static, Result<ListedKey>> {
        self.pages().map_ok(|page| stream::iter(page.keys.into_iter().map(Ok))).try_flatten().boxed()
    }

    /// All pages.
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
