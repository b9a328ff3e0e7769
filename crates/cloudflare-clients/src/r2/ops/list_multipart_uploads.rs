//! Listing the uploads in parts that are under way.

use std::future::IntoFuture;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};

use super::setters::listing_setters;
use crate::client::operation::Operation;
use crate::client::pages::{Pages, next_page, pages};
use crate::error::Result;
use crate::model::r2::{ListMultipartUploadsRequest, MultipartUploadSummary, MultipartUploadsPage};
use crate::r2::service::R2Service;

impl R2Service {
    /// Lists the uploads that are neither completed nor aborted.
    pub fn list_multipart_uploads(&self) -> ListMultipartUploads {
        ListMultipartUploads { service: self.clone(), request: ListMultipartUploadsRequest::default() }
    }
}

const LIST_UPLOADS: Operation<'_> = Operation::without_key("listMultipartUploads");

/// A listing of the uploads that are neither completed nor aborted.
///
/// Awaiting it gives one [`MultipartUploadsPage`]; [`stream`](Self::stream) gives all pages. The bucket's binding cannot
/// list them: [`ErrorKind::Unsupported`](crate::ErrorKind).
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct ListMultipartUploads {
    service: R2Service,
    request: ListMultipartUploadsRequest,
}

impl ListMultipartUploads {
    listing_setters!(MultipartUploadsPage);

    /// All uploads, page after page.
    pub fn stream(self) -> BoxStream<'static, Result<MultipartUploadSummary>> {
        pages(self).map_ok(|page| stream::iter(page.uploads.into_iter().map(Ok))).try_flatten().boxed()
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

    fn after(mut self, page: &MultipartUploadsPage) -> Result<Option<Self>> {
        if !page.truncated {
            return Ok(None);
        }
        let ListMultipartUploadsRequest { key_marker, upload_id_marker, .. } = &mut self.request;
        let here = key_marker.take().map(|key| (key, upload_id_marker.take()));
        let next = page.next_key_marker.clone().map(|key| (key, page.next_upload_id_marker.clone()));
        let (key, upload_id) = LIST_UPLOADS.check(next_page(next, here.as_ref()))?;
        (*key_marker, *upload_id_marker) = (Some(key), upload_id);
        Ok(Some(self))
    }
}

impl IntoFuture for ListMultipartUploads {
    type Output = Result<MultipartUploadsPage>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.send().boxed()
    }
}
