//! The namespaces of an account, through Cloudflare's REST API.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::api::Api;
use crate::error::Result;
use crate::kv::{
    Account, KvAccountConfig, ListNamespacesRequest, NamespaceInfo, Namespaces, NamespacesPage, RequestBudget,
};
use crate::runtime::Runtime;
use crate::transport::{HttpClient, Timeouts};
use crate::wire::kv_rest::{self as rest, NamespaceUrl, NamespacesUrl, Request};

/// The KV namespaces of an account through [Cloudflare's REST
/// API](https://developers.cloudflare.com/api/resources/kv/), or through another server that implements it.
///
/// Each operation is one request. For retries, give it to [`Namespaces`]. Cloning is cheap, and clones share
/// their connections. It needs a Tokio runtime with I/O and time.
///
/// ```no_run
/// use cloudflare_clients::kv::Namespaces;
///
/// # async fn example() -> cloudflare_clients::Result<()> {
/// // CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN
/// let namespaces = Namespaces::from_env()?;
/// println!("{}", namespaces.create("sessions").await?.id);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct RestNamespaces {
    url: NamespacesUrl,
    api: Api,
}

impl RestNamespaces {
    /// Creates the namespaces of the account of `config`, with [`Timeouts::default`]. Sends nothing yet.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) if a value of `config` is malformed.
    pub fn new(config: KvAccountConfig) -> Result<Self> {
        let (url, token) = config.into_parts()?;
        Ok(Self { url, api: Api::new(token)? })
    }

    /// Creates the account in the environment: see [`KvAccountConfig::from_vars`] for the variables.
    ///
    /// # Errors
    /// One [`ErrorKind::InvalidInput`](crate::ErrorKind) that names every missing variable, and the errors of
    /// [`new`](Self::new).
    pub fn from_env() -> Result<Self> {
        Self::new(KvAccountConfig::from_env()?)
    }

    /// The account of a namespace, sharing its connections and budget.
    pub(super) fn of_namespace(url: NamespacesUrl, api: Api) -> Self {
        Self { url, api }
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

    /// Sets the clock and timer for the budget and for dates in answers. [`Namespaces`] over the account use
    /// them too, and [`Timeouts`] use the timer, unless another HTTP client was
    /// [set](Self::with_http_client).
    #[must_use]
    pub fn with_runtime(mut self, runtime: impl Runtime) -> Self {
        self.api = self.api.going_by(runtime);
        self
    }

    /// Sends a request about the account. Returns the document of a successful answer.
    async fn call(&self, request: Request) -> Result<Bytes> {
        self.api.call(request.authorize_for_account(&self.url, &self.api.token)?).await
    }

    /// The same for a namespace.
    async fn call_about(&self, id: &str, request: Request) -> Result<Bytes> {
        let url = NamespaceUrl::new(self.url.clone(), id.to_owned())?;
        self.api.call(request.authorize(&url, &self.api.token)?).await
    }
}

impl Namespaces {
    /// Creates a handle for the namespaces of the account in the environment, over REST: see
    /// [`KvAccountConfig::from_vars`] for the variables.
    ///
    /// # Errors
    /// The errors of [`RestNamespaces::from_env`].
    pub fn from_env() -> Result<Self> {
        Ok(Self::new(RestNamespaces::from_env()?))
    }
}

#[async_trait]
impl Account for RestNamespaces {
    async fn create(&self, title: &str) -> Result<NamespaceInfo> {
        rest::create_namespace::parse(&self.call(rest::create_namespace::request(title)?).await?)
    }

    async fn list(&self, request: ListNamespacesRequest) -> Result<NamespacesPage> {
        let body = self.call(rest::list_namespaces::request(&request)?).await?;
        rest::list_namespaces::parse(&request, &body)
    }

    async fn rename(&self, id: &str, title: &str) -> Result<()> {
        let body = self.call_about(id, rest::rename_namespace::request(title)?).await?;
        rest::rename_namespace::parse(&body)
    }

    async fn delete(&self, id: &str) -> Result<()> {
        rest::delete_namespace::parse(&self.call_about(id, rest::delete_namespace::request()).await?)
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        self.api.runtime.clone()
    }
}
