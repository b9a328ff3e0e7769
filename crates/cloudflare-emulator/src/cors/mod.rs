//! CORS: the rules of each bucket as in R2, or open access for pages of this machine.

mod local_origin;
mod refused_origins;

use cloudflare_clients::r2::{Bucket as _, CorsMatch, CorsPolicy, CorsRequest, CorsRule};
use cloudflare_clients::{ErrorKind, LocalStore};
use http::Method;

use self::local_origin::is_local;
use self::refused_origins::RefusedOrigins;

/// What decides about requests of web pages.
#[derive(Debug)]
pub(crate) enum Cors {
    /// The rules of each bucket. KV's API has no rules, so no page can use it.
    ByRules(RefusedOrigins),
    /// Pages of this machine are allowed everything, others nothing.
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

    /// Returns the rule that allows the request, and the origin for the answer.
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

/// Returns the rule for pages of this machine with open access.
fn open(request: &CorsRequest) -> CorsRule {
    let methods = [Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::DELETE];
    CorsRule::new([&request.origin], methods).expose_headers(["*"]).max_age_seconds(3600)
}

/// Returns the rules of the bucket. A missing bucket has no rules.
async fn policy(store: &LocalStore, bucket: &str) -> CorsPolicy {
    let Ok(bucket) = store.bucket(bucket) else {
        return CorsPolicy::default();
    };
    match bucket.cors().await {
        Ok(policy) => policy.unwrap_or_default(),
        Err(error) => {
            if error.kind() != ErrorKind::NoSuchBucket {
                tracing::error!(%error, "cannot read the CORS rules of a bucket");
            }
            CorsPolicy::default()
        }
    }
}
