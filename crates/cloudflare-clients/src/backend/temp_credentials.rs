//! Temporary credentials through Cloudflare's API.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::http::{HyperClient, Sender};
use crate::account::validate_account_id;
use crate::error::Result;
use crate::kv::api_endpoint;
use crate::runtime::{Runtime, TokioRuntime};
use crate::secret::validate_secret;
use crate::signing::{Endpoint, TempCredentials, TempCredentialsRequest};
use crate::transport::{Answer, HttpClient, Timeouts};
use crate::wire::kv_rest::{ApiToken, error_code};
use crate::wire::temp_credentials as wire;

/// Maximum size of an answer, in bytes.
const MAX_ANSWER: usize = 256 * 1024;

/// Creates [temporary credentials](TempCredentials) through [Cloudflare's
/// API](https://developers.cloudflare.com/api/resources/r2/subresources/temporary_credentials/methods/create/).
/// It is for callers that have an API token and the id of an access key, but not its secret. With the secret,
/// [`TempCredentialsRequest::mint`] needs no network.
///
/// It follows the API's documentation, and has not been tested against Cloudflare. It needs a Tokio runtime
/// with I/O and time.
///
/// ```no_run
/// use cloudflare_clients::TempCredentialsApi;
/// use cloudflare_clients::r2::{R2SigningClient, TempCredentials};
///
/// # async fn example() -> cloudflare_clients::Result<()> {
/// let api = TempCredentialsApi::new(
///     "0123456789abcdef0123456789abcdef",
///     "the-api-token",
///     "fedcba9876543210fedcba9876543210",
/// )?;
/// let temporary = api.create(&TempCredentials::for_bucket("media").prefix("creator-123/")).await?;
/// let client = R2SigningClient::new(temporary.into())?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct TempCredentialsApi {
    api: Endpoint,
    account_id: String,
    token: ApiToken,
    parent_access_key_id: String,
    endpoint: Endpoint,
    http: Sender,
    timeouts: Timeouts,
    runtime: Arc<dyn Runtime>,
}

impl TempCredentialsApi {
    /// Creates the API client for an account. The API token must have the permissions that the credentials
    /// shall have, and the credentials are derived from the access key with the given id.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) if one of the values is malformed.
    pub fn new(
        account_id: impl Into<String>,
        api_token: impl Into<String>,
        parent_access_key_id: impl Into<String>,
    ) -> Result<Self> {
        let (account_id, parent_access_key_id) = (account_id.into(), parent_access_key_id.into());
        validate_account_id(&account_id)?;
        validate_secret("access key id", &parent_access_key_id)?;
        Ok(Self {
            api: api_endpoint(None)?,
            endpoint: Endpoint::r2(&account_id, None)?,
            account_id,
            token: ApiToken::new(api_token)?,
            parent_access_key_id,
            http: Sender::Own(HyperClient::new()?),
            timeouts: Timeouts::default(),
            runtime: Arc::new(TokioRuntime),
        })
    }

    /// Uses another server that implements Cloudflare's API. The token is sent to it, so the URL must be
    /// `https`, or on this machine.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) if it is not such a URL.
    pub fn with_base_url(self, url: &str) -> Result<Self> {
        Ok(Self { api: api_endpoint(Some(url))?, ..self })
    }

    /// Sets the endpoint at which the credentials are used. The default is the account's endpoint without a
    /// jurisdiction.
    #[must_use]
    pub fn with_endpoint(self, endpoint: Endpoint) -> Self {
        Self { endpoint, ..self }
    }

    /// Sets the HTTP client. The default is a separate [`HyperClient`].
    #[must_use]
    pub fn with_http_client(self, client: Arc<dyn HttpClient>) -> Self {
        Self { http: Sender::Given(client), ..self }
    }

    /// Sets the clock that the expiry is computed from, and the timer for timeouts.
    #[must_use]
    pub fn with_runtime(mut self, runtime: impl Runtime) -> Self {
        self.runtime = Arc::new(runtime);
        self.http = self.http.going_by(&self.runtime);
        self
    }

    /// Creates the credentials with one request, which is not retried.
    ///
    /// # Errors
    /// The errors of [`TempCredentialsRequest::mint`] about invalid requests, before anything is sent, and
    /// [`ErrorKind::Unsupported`](crate::ErrorKind) for actions, which the API does not support. Otherwise
    /// the API's errors, such as [`ErrorKind::Unauthorized`](crate::ErrorKind) for a rejected token.
    pub async fn create(&self, request: &TempCredentialsRequest) -> Result<TempCredentials> {
        let body = request.api_body(&self.parent_access_key_id)?;
        let mut sent = wire::request(&self.api, &self.account_id, &self.token, &body)?;
        sent.extensions_mut().insert(self.timeouts);
        // The credentials are valid at least until then.
        let expires_at = request.expires_at(self.runtime.now());
        let answer = Answer::from(self.http.send(sent).await?);
        if !answer.status().is_success() {
            let (status, reason, headers) = (answer.status(), answer.reason(), answer.headers().clone());
            let now = self.runtime.now();
            let parse = |body: &[u8]| error_code::parse_error(status, reason.as_deref(), &headers, body, now);
            return Err(answer.into_error(MAX_ANSWER, parse).await);
        }
        let created = wire::parse(&answer.bytes(MAX_ANSWER).await?)?;
        Ok(TempCredentials::new(
            created.access_key_id,
            Zeroizing::new(created.secret_access_key),
            Zeroizing::new(created.session_token),
            expires_at,
            request.bucket().to_owned(),
            self.endpoint.clone(),
            "auto".to_owned(),
        ))
    }
}
