//! Listing unfinished multipart uploads.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};

use super::setters::listing_setters;
use crate::client::operation::{Operation, sent_when_awaited};
use crate::client::pages::{Listed, Pages, pages};
use crate::error::Result;
use crate::model::r2::{ListMultipartUploadsRequest, MultipartUploadSummary, MultipartUploadsPage};
use crate::r2::service::R2Service;

impl R2Service {
    /// Lists the uploads that are neither completed nor aborted.
    pub fn list_multipart_uploads(&self) -> ListMultipartUploads {
        ListMultipartUploads { service: self.clone(), request: ListMultipartUploadsRequest::default() }
    }
}

const LIST_UPLOADS: Operation<'_> = Operation::without_key("list_multipart_uploads");

/// A request to list the uploads that are neither completed nor aborted.
///
/// Awaiting it returns one [`MultipartUploadsPage`]. [`stream`](Self::stream) and [`pages`](Self::pages)
/// fetch all pages, one after another. A Worker's binding cannot list uploads:
/// [`ErrorKind::Unsupported`](crate::ErrorKind).
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct ListMultipartUploads {
    service: R2Service,
    request: ListMultipartUploadsRequest,
}

impl ListMultipartUploads {
    listing_setters!(MultipartUploadsPage);

    /// Continues where a page ended: at its [`MultipartUploadsPage::next_key_marker`] and
    /// [`next_upload_id_marker`](MultipartUploadsPage::next_upload_id_marker).
    pub fn after(mut self, key_marker: impl Into<String>, upload_id_marker: Option<String>) -> Self {
        self.request.key_marker = Some(key_marker.into());
        self.request.upload_id_marker = upload_id_marker;
        self
    }

    /// Returns all uploads, fetched page by page.
    pub fn stream(self) -> BoxStream<'static, Result<MultipartUploadSummary>> {
        self.pages().map_ok(|page| stream::iter(page.uploads.into_iter().map(Ok))).try_flatten().boxed()
    }

    /// Returns all pages.
    pub fn pages(self) -> BoxStream<'static, Result<MultipartUploadsPage>> {
        pages(self)
    }

    async fn send(self) -> Result<MultipartUploadsPage> {
        let Self { service, request } = self;
        LIST_UPLOADS.check(request.validate())?;
        service
            .attempts()
            .run(&LIST_UPLOADS, || Some(service.bucket().list_multipart_uploads(request.clone())))
            .await
    }
}

impl Pages for ListMultipartUploads {
    type Page = MultipartUploadsPage;

    fn fetch(self) -> BoxFuture<'static, Result<MultipartUploadsPage>> {
        self.send().boxed()
    }

    fn after(mut self, page: &MultipartUploadsPage, listed: &mut Listed) -> Result<Option<Self>> {
        if !page.truncated {
            return Ok(None);
        }
        let ListMultipartUploadsRequest { key_marker, upload_id_marker, .. } = &mut self.request;
        let here = key_marker.take().map(|key| (key, upload_id_marker.take()));
        let next = page.next_key_marker.clone().map(|key| (key, page.next_upload_id_marker.clone()));
        let is_empty = page.uploads.is_empty() && page.delimited_prefixes.is_empty();
        let next = listed.next_page(here.as_ref(), next, is_empty);
        let (key, upload_id) = LIST_UPLOADS.check_answer(next)?;
        (*key_marker, *upload_id_marker) = (Some(key), upload_id);
        Ok(Some(self))
    }
}

sent_when_awaited!(ListMultipartUploads => MultipartUploadsPage);
