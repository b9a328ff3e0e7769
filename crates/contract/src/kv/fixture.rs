//! The input of a case.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cloudflare_clients::kv::KvClient;

/// The input of a case.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// A client of a namespace that no other case changes. Everything written can be read immediately.
    pub client: KvClient,
    /// A client of a missing namespace, if the backend can have one.
    pub missing_namespace: Option<KvClient>,
    /// The features that the backend lacks. Each of them must fail with `Unsupported`.
    pub lacks: Lacks,
    /// Whether the backend is Cloudflare's simulator Miniflare instead of KV: it accepts any cursor, and does
    /// not find the key `__proto__` in bulk reads.
    pub simulated: bool,
    /// Advances the time of the backend and of the client, if that is possible.
    pub clock: Option<Clock>,
    /// Values that have to live as long as the case, such as a temporary folder.
    pub holds: Option<Arc<dyn Any + Send + Sync>>,
}

/// The features that a backend lacks.
#[derive(Debug, Clone, Default)]
pub struct Lacks {
    /// Cache TTLs.
    pub cache_ttl: bool,
    /// Creating, listing, renaming and deleting namespaces.
    pub namespaces: bool,
}

/// A clock that can be advanced.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn(Duration) + Send + Sync>);

impl Clock {
    /// Creates a clock from a function that advances it.
    pub fn new(advance: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        Self(Arc::new(advance))
    }

    pub(crate) fn advance(&self, duration: Duration) {
        (self.0)(duration);
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
