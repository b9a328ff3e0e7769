//! R2's S3 API: signs and sends requests.

use std::sync::Arc;

use crate::backend::http::{HyperClient, Sender};
use crate::error::Result;
use crate::r2::R2SigningClient;
use crate::runtime::Runtime;
use crate::transport::{Answer, HttpClient, Timeouts};
use crate::wire::s3::{Request, Response, error_code};

/// Maximum size of a document, in bytes. A page of 1,000 keys of 1,024 encoded bytes has 4 MiB.
const MAX_DOCUMENT: usize = 16 * 1024 * 1024;
const MAX_ERROR: usize = 64 * 1024;

/// Signs and sends requests.
#[derive(Debug, Clone)]
pub(super) struct Api {
    pub(super) signing: R2SigningClient,
    pub(super) timeouts: Timeouts,
    pub(super) runtime: Arc<dyn Runtime>,
    http: Sender,
}

impl Api {
    /// Uses the clock of `signing`.
    pub(super) fn new(signing: R2SigningClient, http: HyperClient) -> Self {
        let runtime = signing.runtime();
        let http = Sender::Own(http).going_by(&runtime);
        Self { signing, timeouts: Timeouts::default(), runtime, http }
    }

    pub(super) fn set_client(&mut self, client: Arc<dyn HttpClient>) {
        self.http = Sender::Given(client);
    }

    pub(super) fn going_by(mut self, runtime: impl Runtime) -> Self {
        self.runtime = Arc::new(runtime);
        self.signing = self.signing.going_by(Arc::clone(&self.runtime));
        self.http = self.http.going_by(&self.runtime);
        self
    }

    /// Sends a request about a bucket, or with `None` about the account. Returns the head of a successful
    /// answer, and records its status in the operation's span.
    pub(super) async fn send(&self, bucket: Option<&str>, request: Request) -> Result<Answer> {
        let answer = self.exchange(bucket, request).await?;
        tracing::Span::current().record("status", answer.status().as_u16());
        Ok(answer)
    }

    /// The same for an additional request, which is not the operation's own.
    pub(super) async fn exchange(&self, bucket: Option<&str>, request: Request) -> Result<Answer> {
        let (endpoint, signer) = (self.signing.endpoint(), self.signing.signer());
        let mut request = request.sign(endpoint, bucket, signer, self.runtime.now())?;
        request.extensions_mut().insert(self.timeouts);
        let answer = Answer::from(self.http.send(request).await?);
        if answer.status().is_success() {
            return Ok(answer);
        }
        let (status, reason, headers) = (answer.status(), answer.reason(), answer.headers().clone());
        let parse = |body: &[u8]| {
            error_code::parse_error(status, reason.as_deref(), &headers, body, self.runtime.now())
        };
        Err(answer.into_error(MAX_ERROR, parse).await)
    }

    /// A successful answer with its document.
    pub(super) async fn document(&self, answer: Answer) -> Result<Response> {
        Ok(Response {
            status: answer.status(),
            reason: answer.reason(),
            headers: answer.headers().clone(),
            body: answer.bytes(MAX_DOCUMENT).await?,
            received: self.runtime.now(),
        })
    }

    /// Sends a request. Returns a successful answer with its document.
    pub(super) async fn call(&self, bucket: Option<&str>, request: Request) -> Result<Response> {
        self.document(self.send(bucket, request).await?).await
    }
}
