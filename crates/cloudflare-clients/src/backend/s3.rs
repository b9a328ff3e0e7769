//! R2 through its S3 API.

mod account;
mod api;
mod object_exists;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt};
use http::StatusCode;

pub use self::account::S3Buckets;
use self::api::Api;
use super::http::HyperClient;
use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::content_checksum::content_checksum;
use crate::model::r2::error_code::{
    NO_SUCH_BUCKET, NO_SUCH_CORS_CONFIGURATION, NO_SUCH_KEY, NO_SUCH_LIFECYCLE_CONFIGURATION,
};
use crate::r2::{
    AbortMultipartUploadRequest, Account, Bucket, BucketAddress, CompleteMultipartUploadRequest, CopyRequest,
    CorsPolicy, CreateMultipartUploadRequest, CreatedMultipartUpload, DeleteManyRequest, DeleteRequest,
    GetRequest, HeadRequest, LifecyclePolicy, ListMultipartUploadsRequest, ListPage, ListPartsRequest,
    ListRequest, MultipartUploadsPage, Object, ObjectBody, PartsPage, PutRequest, R2Service, R2SigningClient,
    R2SigningConfig, StoredObject, UploadPartCopyRequest, UploadPartRequest, UploadedPart,
};
use crate::runtime::Runtime;
use crate::transport::{Answer, HttpClient, Timeouts};
use crate::wire::s3::{self, Request, Response};

/// Number of concurrent single deletes, for keys that XML cannot carry.
const CONCURRENT_DELETES: usize = 8;

/// An R2 bucket through the [S3 API](https://developers.cloudflare.com/r2/api/s3/api/), or a bucket of
/// another service that implements it.
///
/// Each operation is one request. For retries and verification, give it to `R2Service`. Cloning is cheap, and
/// clones share their connections. It needs a Tokio runtime with I/O and time.
///
/// Conditions on upload times are compared in whole seconds. The answer to a put contains only the etag.
///
/// ```no_run
/// use cloudflare_clients::S3Bucket;
/// use cloudflare_clients::r2::{Bucket, PutRequest};
///
/// # async fn example() -> cloudflare_clients::Result<()> {
/// let bucket = S3Bucket::from_env()?;
/// let stored = bucket.put(PutRequest::new("greeting.txt", "hello")).await?;
/// # let _ = stored;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct S3Bucket {
    api: Api,
}

impl S3Bucket {
    /// Creates the bucket of `config`, with [`Timeouts::default`]. Sends nothing yet.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if a value of `config` is malformed.
    pub fn new(config: R2SigningConfig) -> Result<Self> {
        Ok(Self { api: Api::new(R2SigningClient::new(config)?, HyperClient::new()?) })
    }

    /// Creates the bucket in the environment: see [`R2SigningConfig::from_vars`] for the variables.
    ///
    /// # Errors
    /// One [`ErrorKind::InvalidInput`] that names every missing or malformed variable, and the errors of
    /// [`new`](Self::new).
    pub fn from_env() -> Result<Self> {
        Self::new(R2SigningConfig::from_env()?)
    }

    /// Sets the HTTP client. The default is a separate [`HyperClient`]. The given client is left unchanged by
    /// [`with_runtime`](Self::with_runtime).
    #[must_use]
    pub fn with_http_client(mut self, client: Arc<dyn HttpClient>) -> Self {
        self.api.set_client(client);
        self
    }

    /// Sets the timeouts of requests.
    #[must_use]
    pub fn with_timeouts(mut self, timeouts: Timeouts) -> Self {
        self.api.timeouts = timeouts;
        self
    }

    /// Sets the clock for signing requests, also for [`signing_client`](Self::signing_client). A service over
    /// the bucket uses it too, and [`Timeouts`] use its timer, unless another HTTP client was
    /// [set](Self::with_http_client).
    #[must_use]
    pub fn with_runtime(self, runtime: impl Runtime) -> Self {
        Self { api: self.api.going_by(runtime) }
    }

    /// Returns the client that signs the bucket's requests, to presign URLs with.
    pub fn signing_client(&self) -> &R2SigningClient {
        &self.api.signing
    }

    fn name(&self) -> &str {
        self.api.signing.bucket_name()
    }

    /// Sends a request. Returns the head of a successful answer, and records its status in the operation's
    /// span.
    async fn send(&self, request: Request) -> Result<Answer> {
        // The source of a copy may be in another bucket, and the error may be about that.
        let is_copy = request.headers.contains_key(s3::headers::COPY_SOURCE);
        self.api.send(Some(self.name()), request).await.map_err(|error| match error.kind() {
            ErrorKind::NoSuchBucket if !is_copy => error.explain(format_args!("bucket {:?}", self.name())),
            _ => error,
        })
    }

    /// The same for an additional request, which is not the operation's own.
    async fn exchange(&self, request: Request) -> Result<Answer> {
        self.api.exchange(Some(self.name()), request).await
    }

    /// Sends a request. Returns a successful answer with its document.
    async fn call(&self, request: Request) -> Result<Response> {
        self.api.document(self.send(request).await?).await
    }

    /// Returns `None` if the object was not found. The answer to a HEAD has no body that says whether the
    /// object or the bucket is missing.
    async fn missing<T>(&self, error: Error) -> Result<Option<T>> {
        match (error.status(), error.code()) {
            (Some(StatusCode::NOT_FOUND), Some(code)) if code == NO_SUCH_KEY.name => Ok(None),
            (Some(StatusCode::NOT_FOUND), None) => match self.exchange(s3::head_bucket::request()).await {
                Ok(_) => Ok(None),
                Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => {
                    let what = format!("the bucket {:?} does not exist", self.name());
                    Err(error.with_kind(ErrorKind::NoSuchBucket).with_code(NO_SUCH_BUCKET.name).explain(what))
                }
                // Credentials for some objects only may not ask for the bucket, but they are bound to it.
                Err(error) if error.kind() == ErrorKind::Forbidden => Ok(None),
                Err(error) => Err(error),
            },
            _ => Err(error),
        }
    }

    /// Adds the size and etag of the object to the error of a range outside of it. Not every service returns
    /// them.
    async fn with_its_object(&self, key: &str, error: Error) -> Error {
        let head = HeadRequest::new(key);
        match self.exchange(s3::head_object::request(&head)).await {
            Ok(answer) => match s3::head_object::parse(&head, answer.headers()) {
                Ok(object) => error.with_object(&object),
                Err(_) => error,
            },
            Err(_) => error,
        }
    }

    /// Returns why a HEAD was rejected. Its answer has no body that distinguishes wrong credentials from
    /// missing permissions; the answer to a GET of one byte does.
    async fn refusal(&self, key: &str, error: Error) -> Error {
        let mut get = GetRequest::new(key);
        get.range = Some((0..1).into());
        let Ok(get) = s3::get_object::request(&get) else {
            return error;
        };
        match self.exchange(get).await {
            Err(told) if told.status() == error.status() => told,
            _ => error,
        }
    }
}

/// Whether the status of an error may be caused by credentials, and no document says so.
fn is_silent_refusal(error: &Error) -> bool {
    matches!(error.status(), Some(StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN)) && error.code().is_none()
}

/// The object that a copy does not find is its source.
fn about_source(error: Error, source: String) -> Error {
    match error.kind() {
        ErrorKind::NoSuchKey => error.with_key(source),
        _ => error,
    }
}

impl R2Service {
    /// Creates a service over the bucket in the environment, which also signs URLs for it: see
    /// [`R2SigningConfig::from_vars`] for the variables. They are read once.
    ///
    /// # Errors
    /// The errors of [`S3Bucket::from_env`].
    pub fn from_env() -> Result<Self> {
        let bucket = S3Bucket::from_env()?;
        let signing = bucket.signing_client().clone();
        Ok(Self::new(bucket).with_signing(signing))
    }
}

#[async_trait]
impl Bucket for S3Bucket {
    async fn head(&self, request: HeadRequest) -> Result<Option<Object>> {
        match self.send(s3::head_object::request(&request)).await {
            Ok(answer) => s3::head_object::parse(&request, answer.headers()).map(Some),
            Err(error) if is_silent_refusal(&error) => Err(self.refusal(&request.key, error).await),
            Err(error) => self.missing(error).await,
        }
    }

    async fn get(&self, request: GetRequest) -> Result<Option<ObjectBody>> {
        match self.send(s3::get_object::request(&request)?).await {
            Ok(answer) => {
                let object = s3::get_object::parse(&request, answer.status(), answer.headers())?;
                let length = object.range.map_or(object.size, |range| range.length);
                Ok(Some(ObjectBody::new(object, answer.into_body(Some(length)))))
            }
            Err(error)
                if error.kind() == ErrorKind::RangeNotSatisfiable
                    && (error.etag().is_none() || error.size().is_none()) =>
            {
                Err(self.with_its_object(&request.key, error).await)
            }
            Err(error) => self.missing(error).await,
        }
    }

    async fn put(&self, mut request: PutRequest) -> Result<StoredObject> {
        let key = request.key.clone();
        request.checksum = content_checksum(&request.body, request.checksum).await;
        let answer = self.call(s3::put_object::request(request)?).await?;
        s3::put_object::parse(&key, &answer.headers)
    }

    async fn delete(&self, request: DeleteRequest) -> Result<()> {
        match self.call(s3::delete_object::request(&request)).await {
            Err(error) if error.code() != Some(NO_SUCH_KEY.name) => Err(error),
            _ => Ok(()),
        }
    }

    async fn delete_many(&self, request: DeleteManyRequest) -> Result<Vec<Result<()>>> {
        request.validate()?;
        let keys = request.keys;
        let (listed, single): (Vec<&str>, Vec<&str>) =
            keys.iter().map(String::as_str).partition(|key| s3::xml::can_carry(key));
        let mut listed = if listed.is_empty() {
            Vec::new()
        } else {
            let response = self.call(s3::delete_objects::request(&listed)?).await?;
            s3::delete_objects::parse(&listed, &response)?
        }
        .into_iter();
        let deletes = single.into_iter().map(|key| self.delete(DeleteRequest::new(key))).collect::<Vec<_>>();
        let single: Vec<_> = stream::iter(deletes).buffered(CONCURRENT_DELETES).collect().await;
        let mut single = single.into_iter();
        let outcome = |key: &String| {
            if s3::xml::can_carry(key) { listed.next() } else { single.next() }
        };
        Ok(keys.iter().filter_map(outcome).collect())
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage> {
        let response = self.call(s3::list_objects_v2::request(&request)?).await?;
        s3::list_objects_v2::parse(&response)
    }

    async fn copy(&self, request: CopyRequest) -> Result<StoredObject> {
        let copy = s3::copy_object::request(self.name(), &request)?;
        let copied = match self.call(copy).await {
            Ok(response) => s3::copy_object::parse(&request.key, &response),
            Err(error) => Err(error),
        };
        copied.map_err(|error| about_source(error, request.source))
    }

    async fn create_multipart_upload(
        &self,
        request: CreateMultipartUploadRequest,
    ) -> Result<CreatedMultipartUpload> {
        let response = self.call(s3::create_multipart_upload::request(&request)?).await?;
        s3::create_multipart_upload::parse(&response)
    }

    async fn upload_part(&self, mut request: UploadPartRequest) -> Result<UploadedPart> {
        let part_number = request.part_number;
        request.checksum = content_checksum(&request.body, request.checksum).await;
        let answer = self.call(s3::upload_part::request(request)?).await?;
        s3::upload_part::parse(part_number, &answer.headers)
    }

    async fn upload_part_copy(&self, request: UploadPartCopyRequest) -> Result<UploadedPart> {
        let copy = s3::upload_part_copy::request(self.name(), &request)?;
        let copied = match self.call(copy).await {
            Ok(response) => s3::upload_part_copy::parse(request.part_number, &response),
            Err(error) => Err(error),
        };
        copied.map_err(|error| about_source(error, request.source))
    }

    async fn complete_multipart_upload(
        &self,
        request: CompleteMultipartUploadRequest,
    ) -> Result<StoredObject> {
        let response = self.call(s3::complete_multipart_upload::request(&request)?).await?;
        s3::complete_multipart_upload::parse(&request.key, &response)
    }

    async fn abort_multipart_upload(&self, request: AbortMultipartUploadRequest) -> Result<()> {
        match self.call(s3::abort_multipart_upload::request(&request)?).await {
            Err(error) if error.kind() != ErrorKind::NoSuchUpload => Err(error),
            _ => Ok(()),
        }
    }

    async fn list_parts(&self, request: ListPartsRequest) -> Result<PartsPage> {
        let response = self.call(s3::list_parts::request(&request)?).await?;
        s3::list_parts::parse(&response)
    }

    async fn list_multipart_uploads(
        &self,
        request: ListMultipartUploadsRequest,
    ) -> Result<MultipartUploadsPage> {
        let response = self.call(s3::list_multipart_uploads::request(&request)?).await?;
        s3::list_multipart_uploads::parse(&response)
    }

    async fn cors(&self) -> Result<Option<CorsPolicy>> {
        match self.call(s3::get_bucket_cors::request()).await {
            Ok(response) => s3::get_bucket_cors::parse(&response).map(Some),
            Err(error) if error.code() == Some(NO_SUCH_CORS_CONFIGURATION.name) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn put_cors(&self, policy: CorsPolicy) -> Result<()> {
        self.call(s3::put_bucket_cors::request(&policy)?).await.map(drop)
    }

    async fn delete_cors(&self) -> Result<()> {
        match self.call(s3::delete_bucket_cors::request()).await {
            Err(error) if error.code() != Some(NO_SUCH_CORS_CONFIGURATION.name) => Err(error),
            _ => Ok(()),
        }
    }

    async fn lifecycle(&self) -> Result<Option<LifecyclePolicy>> {
        match self.call(s3::get_bucket_lifecycle::request()).await {
            Ok(response) => s3::get_bucket_lifecycle::parse(&response).map(Some),
            Err(error) if error.code() == Some(NO_SUCH_LIFECYCLE_CONFIGURATION.name) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn put_lifecycle(&self, policy: LifecyclePolicy) -> Result<()> {
        self.call(s3::put_bucket_lifecycle::request(&policy)?).await.map(drop)
    }

    async fn delete_lifecycle(&self) -> Result<()> {
        match self.call(s3::delete_bucket_lifecycle::request()).await {
            Err(error) if error.code() != Some(NO_SUCH_LIFECYCLE_CONFIGURATION.name) => Err(error),
            _ => Ok(()),
        }
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        self.api.runtime.clone()
    }

    fn address(&self) -> Option<BucketAddress> {
        let credentials = self.api.signing.signer().credentials();
        // Temporary credentials may be for one bucket only.
        if credentials.session_token().is_some() {
            return None;
        }
        let endpoint = self.api.signing.endpoint().identity();
        let account = format!("{} at {endpoint}", credentials.access_key_id());
        Some(BucketAddress::new(account, self.name()))
    }

    fn account(&self) -> Result<Arc<dyn Account>> {
        Ok(Arc::new(S3Buckets::of_bucket(self.api.clone())))
    }
}
