//! The buckets of an account, through R2's S3 API.

use std::sync::Arc;

use async_trait::async_trait;
use http::StatusCode;

use super::api::Api;
use crate::backend::http::HyperClient;
use crate::error::{ErrorKind, Result};
use crate::model::r2::error_code::NO_SUCH_BUCKET;
use crate::model::r2::validate_bucket_name;
use crate::r2::{
    Account, BucketInfo, Buckets, BucketsPage, CreateBucketRequest, Endpoint, ListBucketsRequest,
    LocationHint, R2AccountConfig, R2SigningClient,
};
use crate::runtime::Runtime;
use crate::transport::{HttpClient, Timeouts};
use crate::wire::s3;

/// The buckets of an R2 account through the [S3 API](https://developers.cloudflare.com/r2/api/s3/api/), or of
/// another service that implements it.
///
/// Each operation is one request. For retries, give it to [`Buckets`]. Cloning is cheap, and clones share
/// their connections. It needs a Tokio runtime with I/O and time.
///
/// ```no_run
/// use cloudflare_clients::r2::{Buckets, LocationHint};
///
/// # async fn example() -> cloudflare_clients::Result<()> {
/// // R2_ACCOUNT_ID, R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY
/// let buckets = Buckets::from_env()?;
/// buckets.create("media").location(LocationHint::Weur).await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct S3Buckets {
    api: Api,
}

impl S3Buckets {
    /// Creates the buckets of the account of `config`, with [`Timeouts::default`]. Sends nothing yet.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if a value of `config` is malformed.
    pub fn new(config: R2AccountConfig) -> Result<Self> {
        Ok(Self { api: Api::new(R2SigningClient::of_account(config)?, HyperClient::new()?) })
    }

    /// Creates the account in the environment: see [`R2AccountConfig::from_vars`] for the variables.
    ///
    /// # Errors
    /// One [`ErrorKind::InvalidInput`] that names every missing or malformed variable, and the errors of
    /// [`new`](Self::new).
    pub fn from_env() -> Result<Self> {
        Self::new(R2AccountConfig::from_env()?)
    }

    /// The account of a bucket, sharing its connections.
    pub(super) fn of_bucket(api: Api) -> Self {
        Self { api }
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

    /// Sets the clock for signing requests. [`Buckets`] over the account use it too, and [`Timeouts`] use its
    /// timer, unless another HTTP client was [set](Self::with_http_client).
    #[must_use]
    pub fn with_runtime(self, runtime: impl Runtime) -> Self {
        Self { api: self.api.going_by(runtime) }
    }

    /// Returns the endpoint of the account.
    pub fn endpoint(&self) -> &Endpoint {
        self.api.signing.endpoint()
    }
}

impl Buckets {
    /// Creates a handle for the buckets of the account in the environment: see [`R2AccountConfig::from_vars`]
    /// for the variables.
    ///
    /// # Errors
    /// The errors of [`S3Buckets::from_env`].
    pub fn from_env() -> Result<Self> {
        Ok(Self::new(S3Buckets::from_env()?))
    }
}

#[async_trait]
impl Account for S3Buckets {
    async fn create(&self, request: CreateBucketRequest) -> Result<BucketInfo> {
        self.api.call(Some(&request.name), s3::create_bucket::request(&request)?).await?;
        Ok(BucketInfo::new(request.name))
    }

    async fn list(&self, request: ListBucketsRequest) -> Result<BucketsPage> {
        s3::list_buckets::parse(&self.api.call(None, s3::list_buckets::request(&request)?).await?)
    }

    async fn head(&self, name: &str) -> Result<Option<BucketInfo>> {
        validate_bucket_name(name)?;
        match self.api.send(Some(name), s3::head_bucket::request()).await {
            Ok(answer) => Ok(Some(s3::head_bucket::parse(name, answer.headers()))),
            // The answer to a HEAD has no body that says what was not found: it is the bucket, unless the
            // server does not implement S3.
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn location(&self, name: &str) -> Result<Option<LocationHint>> {
        s3::get_bucket_location::parse(&self.api.call(Some(name), s3::get_bucket_location::request()).await?)
    }

    async fn delete(&self, name: &str) -> Result<()> {
        match self.api.call(Some(name), s3::delete_bucket::request()).await {
            Ok(_) => Ok(()),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) && error.code().is_none() => {
                Err(error.with_kind(ErrorKind::NoSuchBucket).with_code(NO_SUCH_BUCKET.name))
            }
            Err(error) => Err(error),
        }
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        self.api.runtime.clone()
    }
}
