//! Lists namespaces, one page or all.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};

use crate::client::operation::{Operation, sent_when_awaited};
use crate::client::pages::{Listed, Pages, pages};
use crate::error::Result;
use crate::kv::namespaces::Namespaces;
use crate::model::kv::{ListNamespacesRequest, NamespaceInfo, NamespacesPage};

impl Namespaces {
    /// Lists namespaces: `namespaces.list().await?` returns the first page, `.stream()` returns all
    /// namespaces.
    pub fn list(&self) -> ListNamespaces {
        ListNamespaces { namespaces: self.clone(), request: ListNamespacesRequest::default() }
    }
}

const LIST: Operation<'_> = Operation::without_key("list_namespaces");

/// A [request to list
/// namespaces](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/methods/list/).
/// Namespaces are ordered by title.
///
/// Awaiting it returns one [`NamespacesPage`]. [`stream`](Self::stream) and [`pages`](Self::pages) fetch page
/// after page. Pages are numbered: if a namespace is created or deleted meanwhile, another one may be listed
/// twice or skipped.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct ListNamespaces {
    namespaces: Namespaces,
    request: ListNamespacesRequest,
}

impl ListNamespaces {
    /// Sets the number of the page, starting at 1. Default: 1.
    pub fn page(mut self, page: u32) -> Self {
        self.request.page = page;
        self
    }

    /// Sets the maximum number of namespaces per page: 1 to 1,000. Default: 20.
    pub fn page_size(mut self, size: u32) -> Self {
        self.request.limit = Some(size);
        self
    }

    /// Returns all namespaces, fetching page after page.
    pub fn stream(self) -> BoxStream<'static, Result<NamespaceInfo>> {
        self.pages().map_ok(|page| stream::iter(page.namespaces.into_iter().map(Ok))).try_flatten().boxed()
    }

    /// Returns all pages.
    pub fn pages(self) -> BoxStream<'static, Result<NamespacesPage>> {
        pages(self)
    }

    async fn send(self) -> Result<NamespacesPage> {
        let Self { namespaces, request } = self;
        LIST.check(request.validate())?;
        namespaces.attempts().run(&LIST, || Some(namespaces.account().list(request.clone()))).await
    }
}

impl Pages for ListNamespaces {
    type Page = NamespacesPage;

    fn fetch(self) -> BoxFuture<'static, Result<NamespacesPage>> {
        self.send().boxed()
    }

    fn after(mut self, page: &NamespacesPage, listed: &mut Listed) -> Result<Option<Self>> {
        if !page.truncated {
            return Ok(None);
        }
        let here = self.request.page;
        let next = listed.next_page(Some(&here), here.checked_add(1), page.namespaces.is_empty());
        self.request.page = LIST.check_answer(next)?;
        Ok(Some(self))
    }
}

sent_when_awaited!(ListNamespaces => NamespacesPage);
