//! The buckets of an account, with retries.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::account::Account;
use super::service::R2Service;
use crate::client::attempts::{Attempts, operation_span};
use crate::error::Result;
use crate::retry::RetryPolicy;
use crate::runtime::Runtime;

/// The [buckets](https://developers.cloudflare.com/r2/buckets/) of an account, on any [`Account`]: creates,
/// lists, inspects and deletes them.
///
/// Over R2's S3 API (`S3Buckets`) this needs the credentials of an API token with *Admin Read & Write*, or
/// *Admin Read* to list. The buckets of a jurisdiction form a separate account, at the jurisdiction's
/// address. A Worker's binding can access only one bucket: see [`R2Service::buckets`].
///
/// `Buckets` is cheap to clone. Requests do nothing until they are awaited, and borrow nothing. Failed
/// attempts are retried as the [`RetryPolicy`] says. Errors name the operation, the bucket (as their
/// [`key`](crate::Error::key)) and the number of attempts.
///
/// ```
/// use cloudflare_clients::LocalStore;
/// use cloudflare_clients::r2::{Buckets, LocationHint, StorageClass};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// let buckets = Buckets::new(LocalStore::open(folder.path()).await?);
/// let archive = buckets.create("archive").location(LocationHint::Weur);
/// archive.storage_class(StorageClass::InfrequentAccess).await?;
///
/// let page = buckets.list().prefix("arch").await?;
/// assert_eq!(page.buckets[0].name, "archive");
/// assert_eq!(buckets.location("archive").await?, Some(LocationHint::Weur));
/// assert!(buckets.head("films").await?.is_none());
/// buckets.delete("archive").await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Buckets {
    account: Arc<dyn Account>,
    attempts: Arc<Attempts>,
}

impl Buckets {
    /// Creates the buckets of an account, which may be a shared [`Arc`]. The account's
    /// [clock, timer and randomness](Account::runtime) are used.
    pub fn new(account: impl Account) -> Self {
        let attempts = Attempts::new(operation_span!("r2"), account.runtime());
        Self { account: Arc::new(account), attempts: Arc::new(attempts) }
    }

    /// Replaces the clock, timer and randomness. The account itself keeps its own.
    #[must_use]
    pub fn with_runtime(mut self, runtime: impl Runtime) -> Self {
        self.attempts_mut().runtime = Arc::new(runtime);
        self
    }

    /// Sets when failed requests are retried.
    #[must_use]
    pub fn with_retry(mut self, policy: RetryPolicy) -> Self {
        self.attempts_mut().retry = policy;
        self
    }

    /// Sets the maximum time of one request, including all attempts and the waits between them. Not set
    /// by default. See [`R2Service::with_deadline`].
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.attempts_mut().deadline = Some(deadline);
        self
    }

    fn attempts_mut(&mut self) -> &mut Attempts {
        Arc::make_mut(&mut self.attempts)
    }

    /// The underlying account.
    pub fn account(&self) -> &Arc<dyn Account> {
        &self.account
    }

    /// How requests make their attempts.
    pub(super) fn attempts(&self) -> &Attempts {
        &self.attempts
    }
}

impl R2Service {
    /// Returns the buckets of this bucket's account, with the service's retries, deadline and clock.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind): the backend can access only one bucket, like a Worker's
    /// binding.
    pub fn buckets(&self) -> Result<Buckets> {
        let account = self.bucket().account()?;
        Ok(Buckets { account, attempts: Arc::new(self.attempts().clone()) })
    }
}

impl fmt::Debug for Buckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buckets")
            .field("account", &self.account)
            .field("retry", &self.attempts.retry)
            .finish_non_exhaustive()
    }
}
