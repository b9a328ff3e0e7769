//! The namespaces of an account, with retries.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::account::Account;
use super::client::KvClient;
use crate::client::attempts::{Attempts, operation_span};
use crate::error::Result;
use crate::retry::RetryPolicy;
use crate::runtime::Runtime;

/// A client of the [namespaces](https://developers.cloudflare.com/kv/concepts/kv-namespaces/) of an account,
/// over any [`Account`]: creates, lists, renames and deletes them.
///
/// Over Cloudflare's REST API (`RestNamespaces`) it needs a token with the permission *Workers KV Storage
/// Write*, or *Read* to list. A Worker's binding reaches a single namespace: see [`KvClient::namespaces`].
///
/// Clones are cheap. A request does nothing until it is awaited, and owns its data. Failed attempts are
/// retried according to the [`RetryPolicy`]. Errors name the operation, the namespace's id or title (as their
/// [`key`](crate::Error::key)) and the number of attempts.
///
/// ```
/// use cloudflare_clients::LocalStore;
/// use cloudflare_clients::kv::{KvClient, Namespaces};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// let store = LocalStore::open(folder.path()).await?;
/// let namespaces = Namespaces::new(store.clone());
/// let sessions = namespaces.create("sessions").await?;
/// KvClient::new(store.namespace(&sessions.id)).put("user", "17").await?;
///
/// namespaces.rename(&sessions.id, "old sessions").await?;
/// assert_eq!(namespaces.list().await?.namespaces[0].title, "old sessions");
/// namespaces.delete(sessions.id).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Namespaces {
    account: Arc<dyn Account>,
    attempts: Arc<Attempts>,
}

impl Namespaces {
    /// Creates a client of an account, which may be a shared [`Arc`]. The client uses the account's [clock,
    /// timer and randomness](Account::runtime).
    pub fn new(account: impl Account) -> Self {
        let attempts = Attempts::new(operation_span!("kv"), account.runtime());
        Self { account: Arc::new(account), attempts: Arc::new(attempts) }
    }

    /// Sets a clock, timer and randomness to use instead of the account's. The account itself keeps its own.
    #[must_use]
    pub fn with_runtime(mut self, runtime: impl Runtime) -> Self {
        self.attempts_mut().runtime = Arc::new(runtime);
        self
    }

    /// Sets when failed requests are sent again. Default: [`RetryPolicy::default`].
    #[must_use]
    pub fn with_retry(mut self, policy: RetryPolicy) -> Self {
        self.attempts_mut().retry = policy;
        self
    }

    /// Sets the maximum duration of one request, including all its attempts and the waits between them, as
    /// [`KvClient::with_deadline`] does. Default: no limit.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.attempts_mut().deadline = Some(deadline);
        self
    }

    fn attempts_mut(&mut self) -> &mut Attempts {
        Arc::make_mut(&mut self.attempts)
    }

    /// Returns the underlying account.
    pub fn account(&self) -> &Arc<dyn Account> {
        &self.account
    }

    /// Returns the settings and state of its attempts.
    pub(super) fn attempts(&self) -> &Attempts {
        &self.attempts
    }
}

impl KvClient {
    /// Returns the namespaces of this namespace's account, with the client's retries, deadline and clock.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind): the backend reaches a single namespace, as a Worker's
    /// binding does.
    pub fn namespaces(&self) -> Result<Namespaces> {
        let account = self.namespace().account()?;
        Ok(Namespaces { account, attempts: Arc::new(self.attempts().clone()) })
    }
}

impl fmt::Debug for Namespaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespaces")
            .field("account", &self.account)
            .field("retry", &self.attempts.retry)
            .finish_non_exhaustive()
    }
}
