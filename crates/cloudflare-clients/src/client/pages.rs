//! Listings, page after page.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher as _};

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _};

use crate::error::{Error, Result};

/// More empty pages in a row than any listing has.
const MAX_EMPTY_PAGES: u32 = 1000;

/// How far a listing has come. A service must neither end it early nor keep it going for ever.
#[derive(Default)]
pub(crate) struct Listed {
    /// The hashes of the places where pages began: there may be millions of them.
    begun_at: BTreeSet<u64>,
    empty_pages: u32,
}

impl Listed {
    /// Where the page after a truncated one begins, which began `here`.
    pub(crate) fn next_page<M: Hash>(
        &mut self,
        here: Option<&M>,
        next: Option<M>,
        is_empty: bool,
    ) -> Result<M> {
        let Some(next) = next else {
            return Err(Error::unexpected(
                "the listing has more pages, but the service does not say where the next one begins",
            ));
        };
        self.begun_at.extend(here.map(hash));
        if !self.begun_at.insert(hash(&next)) {
            return Err(Error::unexpected(
                "the listing goes in a circle: its next page has been there before",
            ));
        }
        self.empty_pages = if is_empty { self.empty_pages + 1 } else { 0 };
        if self.empty_pages == MAX_EMPTY_PAGES {
            return Err(Error::unexpected(
                "the listing gave 1,000 empty pages in a row, none of them the last",
            ));
        }
        Ok(next)
    }
}

fn hash(place: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    place.hash(&mut hasher);
    hasher.finish()
}

/// A request for a page of a listing, which knows how to ask for the page after it.
pub(crate) trait Pages: Clone + Send + 'static {
    type Page: Send;

    /// Asks for the page.
    fn fetch(self) -> BoxFuture<'static, Result<Self::Page>>;

    /// The request for the page after this one, unless it is the last.
    fn after(self, page: &Self::Page, listed: &mut Listed) -> Result<Option<Self>>;
}

/// All pages, each asked for when the one before it has been taken.
pub(crate) fn pages<L: Pages>(first: L) -> BoxStream<'static, Result<L::Page>> {
    stream::try_unfold((Some(first), Listed::default()), |(listing, mut listed)| async move {
        let Some(listing) = listing else { return Ok(None) };
        let page = listing.clone().fetch().await?;
        let next = listing.after(&page, &mut listed)?;
        Ok(Some((page, (next, listed))))
    })
    .boxed()
}
