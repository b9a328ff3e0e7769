//! The bucket binding.

use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::stream::TryStreamExt as _;
use worker::js_sys::{Array, Promise, Uint8Array};
use worker::send::{SendFuture, SendWrapper};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::web_sys::ReadableStream;
use worker::worker_sys;

use super::error::{self, settled};
use super::{object, options};
use crate::body::{Body, ForJs};
use crate::error::{Error, ErrorKind, Result};
use crate::js::{self, Properties};
use crate::model::r2::precondition_failed;
use crate::r2::{
    AbortMultipartUploadRequest, Bucket, CompleteMultipartUploadRequest, Conditional, CopyRequest,
    CreateMultipartUploadRequest, CreatedMultipartUpload, DeleteManyRequest, DeleteRequest, GetRequest,
    HeadRequest, ListMultipartUploadsRequest, ListPage, ListPartsRequest, ListRequest, MultipartUploadsPage,
    Object, ObjectBody, PartsPage, PutRequest, R2Service, StoredObject, UploadPartCopyRequest,
    UploadPartRequest, UploadedPart,
};
use crate::runtime::{Runtime, WorkersRuntime};
use crate::sync::lock;

/// A bucket through the [binding](https://developers.cloudflare.com/r2/api/workers/workers-api-reference/) of
/// a Worker.
///
/// Each operation is one call. For retries and verification, give it to [`R2Service`], or create both with
/// [`R2Service::from_worker_env`]. Cloning is cheap. It can be stored in a static and used by many requests.
///
/// The binding has no copies, no listings of parts and uploads, no conditions on completing an upload, no
/// reads of a single part, and no checksums of parts, by CRC, or of a whole multipart upload: these fail with
/// [`ErrorKind::Unsupported`] before anything is sent. HEAD ignores a customer's key (SSE-C) and does not
/// need it.
#[derive(Clone)]
pub struct WorkersBucket(SendWrapper<worker_sys::R2Bucket>);

impl WorkersBucket {
    /// Creates a bucket from a binding, such as the result of `env.bucket("MEDIA_BUCKET")?`.
    pub fn new(bucket: worker::Bucket) -> Self {
        Self(SendWrapper(JsValue::from(bucket).unchecked_into()))
    }

    /// Adds details to an unspecified error of a get: whether its range is outside of the object, and the
    /// object. The runtime does not always pass on R2's error for such a range, and never describes the
    /// object.
    async fn unspecified(&self, request: &GetRequest, error: Error) -> Error {
        let Some(range) = request.range else {
            return error;
        };
        match self.head(HeadRequest::new(&request.key)).await {
            Ok(Some(object)) if error.kind() == ErrorKind::RangeNotSatisfiable => error.with_object(&object),
            Ok(Some(object)) => match range.resolve(object.size) {
                Err(outside) => outside.with_object(&object),
                Ok(_) => error,
            },
            _ => error,
        }
    }

    fn upload(&self, key: &str, upload_id: &str) -> Result<worker_sys::R2MultipartUpload> {
        let upload = self.0.resume_multipart_upload(key.to_owned(), upload_id.to_owned());
        upload.map(JsCast::unchecked_into).map_err(|thrown| error::from_js(&thrown))
    }
}

impl R2Service {
    /// Creates a service over the bucket of a Worker's binding. It signs URLs with the Worker's secrets and
    /// variables, whose names are those of [`from_vars`](crate::r2::R2SigningConfig::from_vars). They are
    /// read when a URL is signed for the first time, and a missing or malformed one is an error then. A
    /// Worker that never signs needs none of them.
    ///
    /// The service can be stored in a static and used by many requests. Do not set
    /// [`with_max_concurrency`](Self::with_max_concurrency) on such a service: in a Worker, one request
    /// cannot wait for another.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the Worker has no such binding.
    pub fn from_worker_env(env: &worker::Env, binding: &str) -> Result<Self> {
        let bucket = env.bucket(binding).map_err(|error| {
            Error::invalid_input(format!(
                "the Worker has no R2 bucket {binding:?}: add it to `r2_buckets` in its configuration: {error}"
            ))
        })?;
        Ok(Self::new(WorkersBucket::new(bucket)).with_worker_secrets(env.clone()))
    }
}

#[async_trait]
impl Bucket for WorkersBucket {
    async fn head(&self, request: HeadRequest) -> Result<Option<Object>> {
        if request.part_number.is_some() {
            return Err(unsupported_part());
        }
        SendFuture::new(async {
            let found = settled(self.0.head(request.key)).await?;
            if found.is_null() { Ok(None) } else { object::object(&found).map(Some) }
        })
        .await
    }

    async fn get(&self, request: GetRequest) -> Result<Option<ObjectBody>> {
        if request.part_number.is_some() {
            return Err(unsupported_part());
        }
        SendFuture::new(async {
            let found = match settled(self.0.get(request.key.clone(), options::get(&request)?)).await {
                Err(error) if error.code() == Some("0") || error.kind() == ErrorKind::RangeNotSatisfiable => {
                    return Err(self.unspecified(&request, error).await);
                }
                found => found?,
            };
            if found.is_null() {
                return Ok(None);
            }
            let mut object = object::object(&found)?;
            let Ok(stream) = js::property(&found, "body").dyn_into::<ReadableStream>() else {
                return Err(failed_condition(&request.only_if, &object));
            };
            // The binding returns no bytes for a range that S3 rejects.
            object.range = request.range.map(|range| range.resolve(object.size)).transpose()?;
            let length = object.range.map_or(object.size, |range| range.length);
            Ok(Some(ObjectBody::new(object, Body::from_readable_stream(stream, Some(length)))))
        })
        .await
    }

    async fn put(&self, mut request: PutRequest) -> Result<StoredObject> {
        SendFuture::new(async {
            let options = options::put(&request)?;
            let body = std::mem::replace(&mut request.body, Body::empty());
            let stored = send(body, |value| self.0.put(request.key.clone(), value, options)).await?;
            if stored.is_null() {
                return Err(precondition_failed());
            }
            object::object(&stored).map(StoredObject::from)
        })
        .await
    }

    async fn delete(&self, request: DeleteRequest) -> Result<()> {
        SendFuture::new(async { settled(self.0.delete(request.key)).await.map(drop) }).await
    }

    async fn delete_many(&self, request: DeleteManyRequest) -> Result<Vec<Result<()>>> {
        request.validate()?;
        let keys = request.keys;
        SendFuture::new(async {
            let names = keys.iter().map(JsValue::from).collect();
            settled(self.0.delete_multiple(names)).await?;
            Ok(keys.iter().map(|_| Ok(())).collect())
        })
        .await
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage> {
        SendFuture::new(async { object::page(&settled(self.0.list(options::list(&request)?)).await?) }).await
    }

    async fn copy(&self, _: CopyRequest) -> Result<StoredObject> {
        Err(unsupported("copies objects"))
    }

    async fn create_multipart_upload(
        &self,
        request: CreateMultipartUploadRequest,
    ) -> Result<CreatedMultipartUpload> {
        if request.checksum_algorithm.is_some() {
            return Err(unsupported_checksum());
        }
        SendFuture::new(async {
            let options = options::create_multipart_upload(&request)?;
            let upload = settled(self.0.create_multipart_upload(request.key, options)).await?;
            let upload_id = js::text(&upload, "uploadId").ok_or_else(|| object::unexpected("uploadId"))?;
            Ok(CreatedMultipartUpload { upload_id })
        })
        .await
    }

    async fn upload_part(&self, request: UploadPartRequest) -> Result<UploadedPart> {
        if request.checksum.is_some() {
            return Err(Error::unsupported("the binding does not support a checksum of a part"));
        }
        SendFuture::new(async {
            let upload = self.upload(&request.key, &request.upload_id)?;
            let options = request.ssec_key.as_ref().map(options::upload_part).transpose()?;
            let call = |value| match options {
                None => upload.upload_part(request.part_number, value),
                // The declaration of the method has no options.
                Some(options) => js::method(&upload, "uploadPart")?
                    .call3(&upload, &request.part_number.into(), &value, &options)
                    .map(JsCast::unchecked_into),
            };
            let part = send(request.body, call).await?;
            let etag = js::text(&part, "etag").ok_or_else(|| object::unexpected("etag"))?;
            Ok(UploadedPart::new(request.part_number, etag))
        })
        .await
    }

    async fn upload_part_copy(&self, _: UploadPartCopyRequest) -> Result<UploadedPart> {
        Err(unsupported("copies objects"))
    }

    async fn complete_multipart_upload(
        &self,
        request: CompleteMultipartUploadRequest,
    ) -> Result<StoredObject> {
        if !request.only_if.is_empty() {
            return Err(Error::unsupported(
                "the binding does not support conditions on completing a multipart upload",
            ));
        }
        if request.checksum.is_some() {
            return Err(unsupported_checksum());
        }
        SendFuture::new(async {
            let parts = Array::new();
            for part in &request.parts {
                let uploaded = Properties::new();
                uploaded.set("partNumber", part.part_number)?;
                uploaded.set("etag", part.etag.as_str())?;
                parts.push(&uploaded.into());
            }
            let upload = self.upload(&request.key, &request.upload_id)?;
            let stored = settled(upload.complete(parts.to_vec())).await?;
            object::object(&stored).map(StoredObject::from)
        })
        .await
    }

    async fn abort_multipart_upload(&self, request: AbortMultipartUploadRequest) -> Result<()> {
        SendFuture::new(async {
            match settled(self.upload(&request.key, &request.upload_id)?.abort()).await {
                Err(error) if error.kind() != ErrorKind::NoSuchUpload => Err(error),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn list_parts(&self, _: ListPartsRequest) -> Result<PartsPage> {
        Err(unsupported("lists the parts of an upload"))
    }

    async fn list_multipart_uploads(&self, _: ListMultipartUploadsRequest) -> Result<MultipartUploadsPage> {
        Err(unsupported("lists the unfinished multipart uploads"))
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::new(WorkersRuntime)
    }

    fn has_reliable_transport(&self) -> bool {
        true
    }
}

fn unsupported(what: &str) -> Error {
    Error::unsupported(format!("the binding has no method that {what}: use `S3Bucket` outside of the Worker"))
}

fn unsupported_part() -> Error {
    Error::unsupported("the binding cannot read a single part of an object: read a range instead")
}

fn unsupported_checksum() -> Error {
    Error::unsupported("the binding does not support checksums of multipart objects")
}

impl fmt::Debug for WorkersBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkersBucket").finish_non_exhaustive()
    }
}

/// The binding does not say which condition failed.
fn failed_condition(only_if: &Conditional, object: &Object) -> Error {
    let checked = only_if.check_read(Some(object));
    checked.err().unwrap_or_else(precondition_failed).with_object(object)
}

/// Calls the binding with a body.
async fn send(body: Body, call: impl FnOnce(JsValue) -> Result<Promise, JsValue>) -> Result<JsValue> {
    let length = body.known_length()?;
    match body.into_js() {
        ForJs::Bytes(bytes) => settled(call(Uint8Array::from(&bytes[..]).into())).await,
        ForJs::Readable(stream) => settled(call(stream.into())).await,
        ForJs::Stream(stream) => {
            // JavaScript only keeps the text of an error.
            let failure = Arc::new(Mutex::new(None));
            let slot = Arc::clone(&failure);
            let stream = stream.map_ok(Into::into).map_err(move |error| {
                let text = error.to_string();
                lock(&slot).get_or_insert(error);
                worker::Error::RustError(text)
            });
            let fixed = worker_sys::FixedLengthStream::from(worker::FixedLengthStream::wrap(stream, length));
            let settled = settled(call(fixed.readable().into())).await;
            match lock(&failure).take() {
                Some(error) => Err(error),
                None => settled,
            }
        }
    }
}
