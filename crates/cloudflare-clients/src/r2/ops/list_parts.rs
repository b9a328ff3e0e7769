//! Listing the parts of an upload.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};

use super::multipart_upload::MultipartUpload;
use crate::client::operation::{Operation, sent_when_awaited};
use crate::client::pages::{Listed, Pages, pages};
use crate::error::Result;
use crate::model::r2::{ListPartsRequest, PartsPage, UploadedPart};
use crate::r2::service::R2Service;

impl MultipartUpload {
    /// Lists the parts that the service has: `upload.list_parts().await?` returns one page, `.stream()` all
    /// parts.
    pub fn list_parts(&self) -> ListParts {
        let request = ListPartsRequest::new(&self.key, &self.upload_id);
        ListParts { service: self.service.clone(), request }
    }
}

/// A request to list the parts of an upload, sorted by number.
///
/// Awaiting it returns one [`PartsPage`]. [`stream`](Self::stream) and [`pages`](Self::pages) fetch all
/// pages, one after another. A Worker's binding cannot list parts:
/// [`ErrorKind::Unsupported`](crate::ErrorKind).
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct ListParts {
    service: R2Service,
    request: ListPartsRequest,
}

impl ListParts {
    /// Sets the maximum number of parts per page: 1 to 1,000, which is the default.
    pub fn page_size(mut self, size: u32) -> Self {
        self.request.limit = Some(size);
        self
    }

    /// Lists only parts with larger numbers: continues at the [`PartsPage::next_part_number_marker`] of a
    /// page.
    pub fn after(mut self, part_number: u16) -> Self {
        self.request.part_number_marker = Some(part_number);
        self
    }

    /// Returns all parts, fetched page by page.
    pub fn stream(self) -> BoxStream<'static, Result<UploadedPart>> {
        self.pages().map_ok(|page| stream::iter(page.parts.into_iter().map(Ok))).try_flatten().boxed()
    }

    /// Returns all pages.
    pub fn pages(self) -> BoxStream<'static, Result<PartsPage>> {
        pages(self)
    }

    async fn send(self) -> Result<PartsPage> {
        let Self { service, request } = self;
        let operation = Operation::new("list_parts", &request.key);
        operation.check(request.validate())?;
        service.attempts().run(&operation, || Some(service.bucket().list_parts(request.clone()))).await
    }
}

impl Pages for ListParts {
    type Page = PartsPage;

    fn fetch(self) -> BoxFuture<'static, Result<PartsPage>> {
        self.send().boxed()
    }

    fn after(mut self, page: &PartsPage, listed: &mut Listed) -> Result<Option<Self>> {
        if !page.truncated {
            return Ok(None);
        }
        let here = self.request.part_number_marker.as_ref();
        let next = listed.next_page(here, page.next_part_number_marker, page.parts.is_empty());
        let operation = Operation::new("list_parts", &self.request.key);
        self.request.part_number_marker = Some(operation.check_answer(next)?);
        Ok(Some(self))
    }
}

sent_when_awaited!(ListParts => PartsPage);
