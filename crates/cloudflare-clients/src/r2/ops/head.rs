//! Reading the metadata of an object.

use crate::client::operation::{Operation, sent_when_awaited};
use crate::error::Result;
use crate::model::r2::{Conditional, HeadRequest, Object};
use crate::r2::ops::http_request::HttpRequest;
use crate::r2::ops::setters::ssec_key_setter;
use crate::r2::service::R2Service;

impl R2Service {
    /// The metadata of an object.
    pub fn head(&self, key: impl Into<String>) -> Head {
        let only_if = Ok(Conditional::default());
        Head { service: self.clone(), request: HeadRequest::new(key), only_if }
    }

    /// Whether an object exists: a head of it.
    ///
    /// # Errors
    /// All but the answer that no object has this key: a missing bucket is [`ErrorKind::NoSuchBucket`](crate::ErrorKind).
    pub async fn exists(&self, key: impl Into<String>) -> Result<bool> {
        Ok(self.head(key).await?.is_some())
    }
}

/// A head; awaiting it gives the metadata of the object, or `None` when no object has this key.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct Head {
    service: R2Service,
    request: HeadRequest,
    only_if: Result<Conditional>,
}

impl Head {
    ssec_key_setter!(service);

    /// A part to describe besides, of an object uploaded in parts: 1 to as many as it has.
    ///
    /// The object's [`range`](Object::range) says where the part lies, and
    /// [`parts_count`](Object::parts_count) how many there are. Part 1 of an object that was not uploaded in
    /// parts is all of it, and has neither. So it is where the service does not know of parts. The checksums
    /// of the whole are left out. The bucket's binding does not know of parts:
    /// [`ErrorKind::Unsupported`](crate::ErrorKind). See [AWS's
    /// HeadObject](https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html).
    ///
    /// # Errors
    /// [`ErrorKind::RangeNotSatisfiable`](crate::ErrorKind): the object has no such part.
    pub fn part_number(mut self, part_number: u16) -> Self {
        self.request.part_number = Some(part_number);
        self
    }

    /// What the object must meet; else the head fails with
    /// [`ErrorKind::PreconditionFailed`](crate::ErrorKind::PreconditionFailed) or
    /// [`ErrorKind::NotModified`](crate::ErrorKind::NotModified).
    ///
    /// The conditions are compared here with what the backend says of the object. Over S3 the upload time
    /// has whole seconds.
    pub fn only_if(mut self, only_if: Conditional) -> Self {
        self.only_if = Ok(only_if);
        self
    }

    /// Takes the conditions that a client has sent with a HEAD, as
    /// [`Get::http_request`](crate::r2::Get::http_request) does. HTTP has ranges of GET alone, so a `Range`
    /// and an `If-Range` are [ignored](https://www.rfc-editor.org/rfc/rfc9110#section-14.2).
    ///
    /// [`Object::into_http_response`] and [`Error::into_http_response`](crate::Error::into_http_response) are
    /// the answer.
    pub fn http_request(mut self, request: &http::request::Parts) -> Self {
        self.only_if = HttpRequest::of_parts(request).only_if;
        self
    }

    /// [`http_request`](Self::http_request) of a request to a Worker.
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
