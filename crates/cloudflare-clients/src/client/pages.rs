//! Listings, page by page.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher as _};

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _};

use crate::error::{Error, Result};

/// A number of consecutive empty pages that no real listing has.
const MAX_EMPTY_PAGES: u32 = 1000;

/// The progress of a listing. It detects a service that ends a listing early or never ends it.
#[derive(Default)]
pub(crate) struct Listed {
    /// Hashes of the positions where pages began. There may be millions of them.
    begun_at: BTreeSet<u64>,
    empty_pages: u32,
}

impl Listed {
    /// Where the page after a truncated one begins. That one began at `here`.
    pub(crate) fn next_page<M: Hash>(
        &mut self,
        here: Option<&M>,
        next: Option<M>,
        is_empty: bool,
    ) -> Result<M> {
        let Some(next) = next else {
            return Err(Error::unexpected(
                "the listing has more pages, but the response has no cursor for the next one",
            ));
        };
        self.begun_at.extend(here.map(hash));
        if !self.begun_at.insert(hash(&next)) {
            return Err(Error::unexpected("the listing loops: the cursor of its next page was already used"));
        }
        self.empty_pages = if is_empty { self.empty_pages + 1 } else { 0 };
        if self.empty_pages == MAX_EMPTY_PAGES {
            return Err(Error::unexpected("the listing had 1,000 empty pages in a row without an end"));
        }
        Ok(next)
    }
}

fn hash(place: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    place.hash(&mut hasher);
    hasher.finish()
}

/// A request for a page of a listing that can create the request for the next page.
pub(crate) trait Pages: Clone + Send + 'static {
    type Page: Send;

    /// Fetches the page.
    fn fetch(self) -> BoxFuture<'static, Result<Self::Page>>;

    /// The request for the next page, or `None` after the last one.
    fn after(self, page: &Self::Page, listed: &mut Listed) -> Result<Option<Self>>;
}

/// All pages, each fetched when the stream is polled for it.
pub(crate) fn pages<L: Pages>(first: L) -> BoxStream<'static, Result<L::Page>> {
    stream::try_unfold((Some(first), Listed::default()), |(listing, mut listed)| async move {
        let Some(listing) = listing else { return Ok(None) };
        let page = listing.clone().fetch().await?;
        let next = listing.after(&page, &mut listed)?;
        Ok(Some((page, (next, listed))))
    })
    .boxed()
}
