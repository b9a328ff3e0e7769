//! Reading the metadata of objects.

use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::Result;
use crate::model::r2::{Conditional, HeadRequest, Object};
use crate::r2::ops::http_request::HttpRequest;
use crate::r2::ops::setters::ssec_key_setter;
use crate::r2::service::R2Service;

impl R2Service {
    /// Reads the metadata of an object.
    pub fn head(&self, key: impl Into<String>) -> Head {
        let only_if = Ok(Conditional::default());
        Head { service: self.clone(), request: HeadRequest::new(key), only_if }
    }

    /// Whether an object exists. Sends a head.
    ///
    /// # Errors
    /// Those of the head. A missing bucket is [`ErrorKind::NoSuchBucket`](crate::ErrorKind).
    pub async fn exists(&self, key: impl Into<String>) -> Result<bool> {
        Ok(self.head(key).await?.is_some())
    }
}

/// A request for an object's metadata. Awaiting it returns the metadata, or `None` if no object has this key.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct Head {
    service: R2Service,
    request: HeadRequest,
    only_if: Result<Conditional>,
}

impl Head {
    ssec_key_setter!(service);

    /// Also describes a part, for an object that was uploaded in parts: 1 to the number of parts.
    ///
    /// The object's [`range`](Object::range) is the position of the part, and
    /// [`parts_count`](Object::parts_count) the number of parts. Both are `None` for part 1 of an object that
    /// was not uploaded in parts, which is all of it, and if the service does not support parts. The
    /// checksums of the whole object are omitted. A Worker's binding does not support parts:
    /// [`ErrorKind::Unsupported`](crate::ErrorKind). See
    /// [AWS's HeadObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html).
    ///
    /// # Errors
    /// [`ErrorKind::RangeNotSatisfiable`](crate::ErrorKind): the object has no such part.
    pub fn part_number(mut self, part_number: u16) -> Self {
        self.request.part_number = Some(part_number);
        self
    }

    /// Sets conditions on the object. If they do not hold, the head fails with
    /// [`ErrorKind::PreconditionFailed`](crate::ErrorKind::PreconditionFailed) or
    /// [`ErrorKind::NotModified`](crate::ErrorKind::NotModified).
    ///
    /// The conditions are evaluated here, on what the backend returns. Over S3, the upload time is in whole
    /// seconds.
    pub fn only_if(mut self, only_if: Conditional) -> Self {
        self.only_if = Ok(only_if);
        self
    }

    /// Applies the conditions of a client's HEAD request, like
    /// [`Get::http_request`](crate::r2::Get::http_request). In HTTP, ranges apply to GET only, so `Range` and
    /// `If-Range` are [ignored](https://www.rfc-editor.org/rfc/rfc9110#section-14.2).
    ///
    /// Respond with [`Object::into_http_response`] or
    /// [`Error::into_http_response`](crate::Error::into_http_response).
    pub fn http_request(mut self, request: &http::request::Parts) -> Self {
        self.only_if = HttpRequest::of_parts(request).only_if;
        self
    }

    /// Like [`http_request`](Self::http_request), for a request to a Worker.
    #[cfg(all(feature = "workers", target_arch = "wasm32"))]
    pub fn worker_request(mut self, request: &worker::Request) -> Self {
        self.only_if = HttpRequest::of_worker(request).only_if;
        self
    }

    async fn send(self) -> Result<Option<Object>> {
        let Self { service, mut request, only_if } = self;
        request.ssec_key = service.ssec_key().cloned();
        let operation = Operation::new("head", &request.key);
        let only_if = operation.check(only_if)?;
        operation.check(request.validate().and_then(|()| only_if.validate()))?;
        let mut found =
            service.attempts().run(&operation, || Some(service.bucket().head(request.clone()))).await?;
        if let Some(object) = &mut found {
            object.ssec_key_md5 = object.ssec_key_md5.take().or_else(|| service.ssec_key_md5());

            let checked = only_if.check_read(Some(object));
            operation.check_answer(checked.map_err(|error| error.with_object(object)))?;
        }
        Ok(found)
    }
}

sent_when_awaited!(Head => Option<Object>);
