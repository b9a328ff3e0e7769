//! Cloudflare's API: the HTTP client, token and request budget.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;

use crate::backend::http::{HyperClient, Sender};
use crate::body::Body;
use crate::error::Result;
use crate::kv::RequestBudget;
use crate::runtime::{Runtime, TokioRuntime};
use crate::transport::{Answer, HttpClient, Timeouts};
use crate::wire::kv_rest::{ApiToken, RateLimit, error_code};

/// Maximum size of a document, in bytes: 100 values of 25 MiB in total, which JSON may expand six times. A
/// page of 1,000 keys is smaller.
const MAX_DOCUMENT: usize = 160 * 1024 * 1024;
const MAX_ERROR: usize = 64 * 1024;

/// Sends authorised requests.
#[derive(Debug, Clone)]
pub(super) struct Api {
    pub(super) token: ApiToken,
    pub(super) timeouts: Timeouts,
    pub(super) runtime: Arc<dyn Runtime>,
    pub(super) budget: Option<RequestBudget>,
    http: Sender,
}

impl Api {
    pub(super) fn new(token: ApiToken) -> Result<Self> {
        let http = Sender::Own(HyperClient::new()?);
        Ok(Self { token, timeouts: Timeouts::default(), runtime: Arc::new(TokioRuntime), budget: None, http })
    }

    pub(super) fn set_client(&mut self, client: Arc<dyn HttpClient>) {
        self.http = Sender::Given(client);
    }

    pub(super) fn going_by(mut self, runtime: impl Runtime) -> Self {
        self.runtime = Arc::new(runtime);
        self.http = self.http.going_by(&self.runtime);
        self
    }

    /// Sends a request. Returns the head of a successful answer, and records its status in the operation's
    /// span.
    pub(super) async fn send(&self, mut request: Request<Body>) -> Result<Answer> {
        if let Some(budget) = &self.budget {
            let wait = budget.reserve(self.runtime.now());
            if !wait.is_zero() {
                tracing::debug!(?wait, "waiting for the request budget");
                self.runtime.sleep(wait).await;
            }
        }
        request.extensions_mut().insert(self.timeouts);
        let answer = Answer::from(self.http.send(request).await?);
        let now = self.runtime.now();
        if let (Some(budget), Some(limit)) = (&self.budget, RateLimit::parse(answer.headers())) {
            budget.observe(&limit, now);
        }
        if answer.status().is_success() {
            tracing::Span::current().record("status", answer.status().as_u16());
            return Ok(answer);
        }
        let (status, reason, headers) = (answer.status(), answer.reason(), answer.headers().clone());
        let parse = |body: &[u8]| error_code::parse_error(status, reason.as_deref(), &headers, body, now);
        Err(answer.into_error(MAX_ERROR, parse).await)
    }

    /// Sends a request. Returns the document of a successful answer.
    pub(super) async fn call(&self, request: Request<Body>) -> Result<Bytes> {
        self.send(request).await?.bytes(MAX_DOCUMENT).await
    }
}
