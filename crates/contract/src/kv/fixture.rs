//! What a case runs against.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cloudflare_clients::kv::KvClient;

/// What a case runs against.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// A client of a namespace that no other case is changing. What it has written can be read at once.
    pub client: KvClient,
    /// A client of a namespace that does not exist, where the backend can have one.
    pub missing_namespace: Option<KvClient>,
    /// What the backend does not have; each must then be `Unsupported`.
    pub lacks: Lacks,
    /// Whether the backend is Cloudflare's simulator, Miniflare, in place of KV: it takes any cursor, and
    /// does not find the key `__proto__` among many.
    pub simulated: bool,
    /// Moves the time of the backend and of the client on, where that is possible.
    pub clock: Option<Clock>,
    /// What has to live as long as the case, such as a temporary folder.
    pub holds: Option<Arc<dyn Any + Send + Sync>>,
}

/// What a backend does not have.
#[derive(Debug, Clone, Default)]
pub struct Lacks {
    /// Cache TTLs.
    pub cache_ttl: bool,
    /// Creating, listing, renaming and deleting namespaces.
    pub namespaces: bool,
}

/// A clock that can be moved on.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn(Duration) + Send + Sync>);

impl Clock {
    /// What moves it on.
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
