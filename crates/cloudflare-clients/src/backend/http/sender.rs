//! The HTTP client of a backend.

use std::sync::Arc;

use http::{Request, Response};

use super::HyperClient;
use crate::body::Body;
use crate::error::Result;
use crate::runtime::Runtime;
use crate::transport::HttpClient;

/// The backend's own client, whose timeouts use the backend's runtime, or a given one, which is left
/// unchanged.
#[derive(Debug, Clone)]
pub(crate) enum Sender {
    Own(HyperClient),
    Given(Arc<dyn HttpClient>),
}

impl Sender {
    /// The same client with the runtime of its backend.
    pub(crate) fn going_by(self, runtime: &Arc<dyn Runtime>) -> Self {
        match self {
            Self::Own(client) => Self::Own(client.with_runtime(Arc::clone(runtime))),
            Self::Given(client) => Self::Given(client),
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Result<Response<Body>> {
        match self {
            Self::Own(client) => client.send(request).await,
            Self::Given(client) => client.send(request).await,
        }
    }
}
