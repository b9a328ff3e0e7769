//! Workers KV through Cloudflare's REST API.

mod account;
mod api;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::header;

pub use self::account::RestNamespaces;
use self::api::Api;
use crate::body::Body;
use crate::error::Result;
use crate::kv::{
    Account, DeleteManyRequest, DeleteRequest, GetManyRequest, GetRequest, KvClient, KvConfig, ListPage,
    ListRequest, Namespace, PutManyRequest, PutRequest, RequestBudget, ValueType, ValueWithMetadata,
};
use crate::model::kv::limits::{validate_get_count, validate_key, validate_put, validate_write_count};
use crate::model::kv::value::collect;
use crate::runtime::Runtime;
use crate::transport::{Answer, HttpClient, Timeouts};
use crate::wire::kv_rest::{self as rest, NamespaceUrl, Request};

/// A Workers KV namespace through [Cloudflare's REST
/// API](https://developers.cloudflare.com/api/resources/kv/), or through another server that implements it.
///
/// Each operation is one request. For retries, give it to [`KvClient`]. Cloning is cheap, and clones share
/// their connections. It needs a Tokio runtime with I/O and time.
///
/// - The API allows 1,200 requests in five minutes per user or token, and then rejects all of them: give a
///   batch job a [budget](Self::with_budget), and read and write many keys per request.
/// - Reading a value with its metadata is one request for text or JSON, and two otherwise.
/// - Cache TTLs are [`ErrorKind::Unsupported`](crate::ErrorKind). The documented minimum page size is 10
///   keys.
///
/// ```no_run
/// use cloudflare_clients::kv::KvClient;
///
/// # async fn example() -> cloudflare_clients::Result<()> {
/// // CLOUDFLARE_ACCOUNT_ID, CLOUDFLARE_API_TOKEN and KV_NAMESPACE_ID
/// let kv = KvClient::from_env()?;
/// kv.put("greeting", "hello").await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct RestNamespace {
    url: NamespaceUrl,
    api: Api,
}

impl RestNamespace {
    /// Creates the namespace of `config`, with [`Timeouts::default`]. Sends nothing yet.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) if a value of `config` is malformed.
    pub fn new(config: KvConfig) -> Result<Self> {
        let (url, token) = config.into_parts()?;
        Ok(Self { url, api: Api::new(token)? })
    }

    /// Creates the namespace in the environment: see [`KvConfig::from_vars`] for the variables.
    ///
    /// # Errors
    /// One [`ErrorKind::InvalidInput`](crate::ErrorKind) that names every missing variable, and the errors of
    /// [`new`](Self::new).
    pub fn from_env() -> Result<Self> {
        Self::new(KvConfig::from_env()?)
    }

    /// Sets the HTTP client. The default is a separate [`HyperClient`](crate::HyperClient). The given client
    /// is left unchanged by [`with_runtime`](Self::with_runtime).
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

    /// Limits the number of requests in a period: further requests wait. The default is no limit.
    #[must_use]
    pub fn with_budget(mut self, budget: RequestBudget) -> Self {
        self.api.budget = Some(budget);
        self
    }

    /// Sets the clock and timer for the budget and for dates in answers. A client over the namespace uses
    /// them too, and [`Timeouts`] use the timer, unless another HTTP client was
    /// [set](Self::with_http_client).
    #[must_use]
    pub fn with_runtime(mut self, runtime: impl Runtime) -> Self {
        self.api = self.api.going_by(runtime);
        self
    }

    /// Sends a request. Returns the head of a successful answer, and records its status in the operation's
    /// span.
    async fn send(&self, request: Request) -> Result<Answer> {
        self.api.send(request.authorize(&self.url, &self.api.token)?).await
    }

    /// Sends a request. Returns the document of a successful answer.
    async fn call(&self, request: Request) -> Result<Bytes> {
        self.api.call(request.authorize(&self.url, &self.api.token)?).await
    }

    /// The value as it arrives, and the expiration of its key.
    async fn value(&self, get: &GetRequest) -> Result<Option<ValueWithMetadata<Body>>> {
        validate_key(&get.key)?;
        let answer = match self.send(rest::get_value::request(get)?).await {
            Ok(answer) => answer,
            Err(error) => return rest::error_code::missing(error),
        };
        let expiration = rest::get_value::parse(answer.headers());
        let length = answer.headers().get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        let value = ValueWithMetadata::new(answer.into_body(length));
        Ok(Some(ValueWithMetadata { expiration, ..value }))
    }
}

impl KvClient {
    /// Creates a client for the namespace in the environment, over REST: see [`KvConfig::from_vars`] for the
    /// variables.
    ///
    /// # Errors
    /// One [`ErrorKind::InvalidInput`](crate::ErrorKind) that names every missing variable, or the one that
    /// is malformed.
    pub fn from_env() -> Result<Self> {
        Ok(Self::new(RestNamespace::from_env()?))
    }
}

#[async_trait]
impl Namespace for RestNamespace {
    fn runtime(&self) -> Arc<dyn Runtime> {
        self.api.runtime.clone()
    }

    fn account(&self) -> Result<Arc<dyn Account>> {
        Ok(Arc::new(RestNamespaces::of_namespace(self.url.namespaces().clone(), self.api.clone())))
    }

    async fn get(&self, request: GetRequest) -> Result<Option<Body>> {
        Ok(self.value(&request).await?.map(|found| found.value))
    }

    async fn get_with_metadata(&self, request: GetRequest) -> Result<Option<ValueWithMetadata<Body>>> {
        if request.value_type == ValueType::Text {
            let GetRequest { key, cache_ttl, .. } = request;
            let request = GetManyRequest { keys: vec![key], with_metadata: true, cache_ttl };
            let found = self.get_many(request).await?.pop().transpose()?.flatten();
            return Ok(found.map(|found| found.map(Body::from)));
        }
        let Some(mut found) = self.value(&request).await? else { return Ok(None) };
        let metadata = match self.call(rest::get_metadata::request(&request.key)).await {
            Ok(body) => Some(rest::get_metadata::parse(&body)?),
            // The key was deleted in the meantime.
            Err(error) => rest::error_code::missing(error)?,
        };
        Ok(metadata.map(|metadata| {
            found.metadata = metadata;
            found
        }))
    }

    async fn get_many(
        &self,
        request: GetManyRequest,
    ) -> Result<Vec<Result<Option<ValueWithMetadata<String>>>>> {
        validate_get_count(request.keys.len())?;
        request.keys.iter().try_for_each(|key| validate_key(key))?;
        let body = self.call(rest::bulk_get::request(&request)?).await?;
        Ok(rest::bulk_get::parse(&request, &body)?.into_iter().map(Ok).collect())
    }

    async fn put(&self, mut request: PutRequest) -> Result<()> {
        validate_put(&request, self.api.runtime.now())?;
        if request.value.content_length().is_none() {
            request.value = collect(request.value).await?.into();
        }
        let mut boundary = [0; 16];
        self.api.runtime.fill_random(&mut boundary)?;
        rest::put_value::parse(&self.call(rest::put_value::request(request, &hex::encode(boundary))?).await?)
    }

    async fn delete(&self, request: DeleteRequest) -> Result<()> {
        validate_key(&request.key)?;
        match self.call(rest::delete_value::request(&request)).await {
            Ok(body) => rest::delete_value::parse(&body),
            Err(error) => rest::error_code::missing(error).map(Option::unwrap_or_default),
        }
    }

    async fn put_many(&self, request: PutManyRequest) -> Result<Vec<Result<()>>> {
        let puts = &request.puts;
        validate_write_count(puts.len())?;
        let now = self.api.runtime.now();
        puts.iter().try_for_each(|put| validate_put(put, now))?;
        let body = self.call(rest::bulk_put::request(puts)?).await?;
        rest::bulk_put::parse(puts.iter().map(|put| put.key.as_str()), &body)
    }

    async fn delete_many(&self, request: DeleteManyRequest) -> Result<Vec<Result<()>>> {
        let keys = &request.keys;
        validate_write_count(keys.len())?;
        keys.iter().try_for_each(|key| validate_key(key))?;
        let body = self.call(rest::bulk_delete::request(keys)?).await?;
        rest::bulk_delete::parse(keys, &body)
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage> {
        rest::list_keys::parse(&self.call(rest::list_keys::request(&request)).await?)
    }
}
