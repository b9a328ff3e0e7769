//! Checks that the token of Cloudflare's API has access to the Workers KV namespace.

use std::sync::Arc;

use cloudflare_clients::kv::{KvClient, KvConfig};
use cloudflare_clients::{ErrorKind, HttpClient, RestNamespace, Result, RetryPolicy};
use futures_util::TryStreamExt as _;

use super::finding::Finding;
use crate::variables::{CLOUDFLARE_ACCOUNT_ID, CLOUDFLARE_API_TOKEN, KV_NAMESPACE_ID};

pub(super) const KV: &str = "Workers KV";

pub(super) async fn check(client: Arc<dyn HttpClient>, namespace: Option<Result<KvConfig>>) -> Finding {
    let config = match namespace {
        None => {
            let seen = format!("{KV_NAMESPACE_ID} is not set");
            return Finding::not_possible(
                KV,
                seen,
                "no namespace to check; if you do not use Workers KV, this is fine",
            );
        }
        Some(Err(error)) => {
            return Finding::broken(KV, error.message(), "the namespace cannot be accessed")
                .mend("cfstore --help  # explains the variables");
        }
        Some(Ok(config)) => config,
    };
    let listed = async {
        let kv = KvClient::new(RestNamespace::new(config)?.with_http_client(client))
            .with_retry(RetryPolicy::none());
        kv.list().page_size(10).pages().try_next().await
    };
    let Err(error) = listed.await else {
        return Finding::ok(KV, "the namespace's keys can be listed", "token, account and namespace match");
    };
    let (means, mend) = match error.kind() {
        ErrorKind::Credentials | ErrorKind::Forbidden => (
            "the token is invalid, belongs to another account, or lacks the permission Workers KV Storage",
            format!(
                "export {CLOUDFLARE_API_TOKEN}=... {CLOUDFLARE_ACCOUNT_ID}=...  # of a token of the account with Workers KV Storage \
                 Write"
            ),
        ),
        ErrorKind::NoSuchNamespace => (
            "the account does not have this namespace",
            "cfstore kv namespace ls  # shows the ids".to_owned(),
        ),
        _ => ("the API returned an unexpected answer", "cfstore -vv kv ls".to_owned()),
    };
    Finding::broken(KV, error.to_string(), means).mend(mend)
}
