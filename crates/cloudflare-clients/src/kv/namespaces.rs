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

/// The [namespaces](https://developers.cloudflare.com/kv/concepts/kv-namespaces/) of an account, over any
/// [`Account`]: created, listed, renamed and deleted.
///
/// Over Cloudflare's REST API (`RestNamespaces`) this takes a token with the permission *Workers KV Storage
/// Write*, or *Read* to list. A binding of a Worker reaches one namespace alone: see
/// [`KvClient::namespaces`].
///
/// Cheap to clone. Requests do nothing until they are awaited and borrow nothing. Failed attempts are made
/// again as the [`RetryPolicy`] says; errors name the operation, the namespace's id or title (as their
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
    /// The namespaces of an account, which may be an [`Arc`] that others hold too. They go by the account's
    /// [clock, timer and randomness](Account::runtime).
    pub fn new(account: impl Account) -> Self {
        let attempts = Attempts::new(operation_span!("kv"), account.runtime());
        Self { account: Arc::new(account), attempts: Arc::new(attempts) }
    }

    /// A clock, timer and randomness in place of the account's, which itself keeps its own.
    #[must_use]
    pub fn with_runtime(mut self, runtime: impl Runtime) -> Self {
        self.attempts_mut().runtime = Arc::new(runtime);
        self
    }

    /// When failed requests are sent again.
    #[must_use]
    pub fn with_retry(mut self, policy: RetryPolicy) -> Self {
        self.attempts_mut().retry = policy;
        self
    }

    /// The longest that one request takes, with all its attempts and the waits between them, as
    /// [`KvClient::with_deadline`] has it; none by default.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.attempts_mut().deadline = Some(deadline);
        self
    }

    fn attempts_mut(&mut self) -> &mut Attempts {
        Arc::make_mut(&mut self.attempts)
    }

    /// The account below.
    pub fn account(&self) -> &Arc<dyn Account> {
        &self.account
    }

    /// How they make their attempts.
    pub(super) fn attempts(&self) -> &Attempts {
        &self.attempts
    }
}

impl KvClient {
    /// The namespaces of the account that this one is in, by the client's retries, deadline and clock.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind): the backend reaches one namespace alone, as the binding
    /// of a Worker does.
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
