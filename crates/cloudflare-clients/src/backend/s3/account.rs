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
/// another service that speaks it.
///
/// Each operation is one request: give it to [`Buckets`] for retries. Cheap to clone; clones share their
/// connections. It needs a Tokio runtime with I/O and time.
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
    /// The buckets of the account of `config`, with [`Timeouts::default`]. Nothing is sent yet.
    ///
    /// # Errors
    /// A value of `config` does not have its form.
    pub fn new(config: R2AccountConfig) -> Result<Self> {
        Ok(Self { api: Api::new(R2SigningClient::of_account(config)?, HyperClient::new()?) })
    }

    /// The account that the environment names: see [`R2AccountConfig::from_vars`] for the variables.
    ///
    /// # Errors
    /// One [`ErrorKind::InvalidInput`] names every variable that is missing or malformed; else as
    /// [`new`](Self::new).
    pub fn from_env() -> Result<Self> {
        Self::new(R2AccountConfig::from_env()?)
    }

    /// The account of a bucket, over its connections.
    pub(super) fn of_bucket(api: Api) -> Self {
        Self { api }
    }

    /// Replaces what sends its requests: a [`HyperClient`] of its own by default. It stays as it is, whatever
    /// [`with_runtime`](Self::with_runtime) is given.
    #[must_use]
    pub fn with_http_client(mut self, client: Arc<dyn HttpClient>) -> Self {
        self.api.set_client(client);
        self
    }

    /// Replaces the timeouts.
    #[must_use]
    pub fn with_timeouts(mut self, timeouts: Timeouts) -> Self {
        self.api.timeouts = timeouts;
        self
    }

    /// Replaces the clock that requests are signed by. [`Buckets`] over the account takes it from here, and
    /// [`Timeouts`] go by its timer, unless another client is [given](Self::with_http_client).
    #[must_use]
    pub fn with_runtime(self, runtime: impl Runtime) -> Self {
        Self { api: self.api.going_by(runtime) }
    }

    /// Where the account is.
    pub fn endpoint(&self) -> &Endpoint {
        self.api.signing.endpoint()
    }
}

impl Buckets {
    /// The buckets of the account that the environment names: see [`R2AccountConfig::from_vars`] for the
    /// variables.
    ///
    /// # Errors
    /// Those of [`S3Buckets::from_env`].
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
            // The answer to a HEAD has no body that says what was not found: the bucket, unless something that
            // is no S3 service was asked.
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
