//! Who lets pages of a browser in: the rules of each bucket, as R2 has it, or nobody.

mod local_origin;
mod refused_origins;

use cloudflare_clients::r2::{Bucket as _, CorsMatch, CorsPolicy, CorsRequest, CorsRule};
use cloudflare_clients::{ErrorKind, LocalStore};
use http::Method;

use self::local_origin::is_local;
use self::refused_origins::RefusedOrigins;

/// Who lets pages in.
#[derive(Debug)]
pub(crate) enum Cors {
    /// The rules of each bucket. KV's API has none, and so no page may use it.
    ByRules(RefusedOrigins),
    /// Nobody asks: pages of this machine may do everything, other ones nothing.
    Open,
}

impl Default for Cors {
    fn default() -> Self {
        Self::ByRules(RefusedOrigins::default())
    }
}

impl Cors {
    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }

    /// The rule that allows the request, with the origin to answer with.
    pub(crate) async fn rule(
        &self,
        store: &LocalStore,
        bucket: &str,
        request: &CorsRequest,
    ) -> Option<(String, CorsRule)> {
        match self {
            Self::Open => is_local(&request.origin).then(|| (request.origin.clone(), open(request))),
            Self::ByRules(refused) => {
                let policy = policy(store, bucket).await;
                match policy.check(request) {
                    Ok(CorsMatch { rule, .. }) => {
                        Some((rule.answered_origin(&request.origin).to_owned(), rule.clone()))
                    }
                    Err(refusal) => {
                        refused.warn_once(bucket, request, &refusal);
                        None
                    }
                }
            }
        }
    }
}

/// What pages of this machine may do where nobody asks.
fn open(request: &CorsRequest) -> CorsRule {
    let methods = [Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::DELETE];
    CorsRule::new([&request.origin], methods).expose_headers(["*"]).max_age_seconds(3600)
}

/// The rules of the bucket; a missing bucket has no rules.
async fn policy(store: &LocalStore, bucket: &str) -> CorsPolicy {
    let Ok(bucket) = store.bucket(bucket) else {
        return CorsPolicy::default();
    };
    match bucket.cors().await {
        Ok(policy) => policy.unwrap_or_default(),
        Err(error) => {
            if error.kind() != ErrorKind::NoSuchBucket {
                tracing::error!(%error, "the CORS rules of a bucket cannot be read");
            }
            CorsPolicy::default()
        }
    }
}
