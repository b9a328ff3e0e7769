//! Listings, page after page.

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _};

use crate::error::{Error, Result};

/// Where the page after a truncated one begins. A service that does not say, or says again where this page began, must
/// neither end the listing early nor keep it going for ever.
pub(crate) fn next_page<M: PartialEq>(next: Option<M>, here: Option<&M>) -> Result<M> {
    next.filter(|next| Some(next) != here).ok_or_else(|| {
        Error::unexpected(
            "the listing has more pages, but the service does not say where the next one begins",
        )
    })
}

/// A request for a page of a listing, which knows how to ask for the page after it.
pub(crate) trait Pages: Clone + Send + 'static {
    type Page: Send;

    /// Asks for the page.
    fn fetch(self) -> BoxFuture<'static, Result<Self::Page>>;

    /// The request for the page after this one, unless it is the last.
    fn after(self, page: &Self::Page) -> Result<Option<Self>>;
}

/// All pages, each asked for when the one before it has been taken.
pub(crate) fn pages<L: Pages>(first: L) -> BoxStream<'static, Result<L::Page>> {
    stream::try_unfold(Some(first), |listing| async move {
        let Some(listing) = listing else { return Ok(None) };
        let page = listing.clone().fetch().await?;
        let next = listing.after(&page)?;
        Ok(Some((page, next)))
    })
    .boxed()
}
