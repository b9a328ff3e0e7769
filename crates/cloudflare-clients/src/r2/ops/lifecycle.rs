//! The lifecycle policy of the bucket.

use crate::client::operation::Operation;
use crate::error::Result;
use crate::model::r2::LifecyclePolicy;
use crate::r2::service::R2Service;

impl R2Service {
    /// Returns the bucket's lifecycle policy, or `None` if it has none. A new bucket
    /// [has one](LifecyclePolicy::of_new_bucket), which aborts uploads after 7 days. See
    /// [Object lifecycles](https://developers.cloudflare.com/r2/buckets/object-lifecycles/).
    ///
    /// Over S3, this and the other lifecycle methods need credentials that may administrate the bucket.
    /// Credentials for objects only are [`ErrorKind::Forbidden`](crate::ErrorKind). A Worker's binding does
    /// not support lifecycle policies: [`ErrorKind::Unsupported`](crate::ErrorKind).
    pub async fn lifecycle(&self) -> Result<Option<LifecyclePolicy>> {
        let operation = Operation::without_key("lifecycle");
        self.attempts().run(&operation, || Some(self.bucket().lifecycle())).await
    }

    /// Replaces the bucket's whole lifecycle policy. R2 applies it within a day, to existing objects too.
    ///
    /// ```
    /// # use cloudflare_clients::{LocalBucket, r2::R2Service};
    /// use std::time::Duration;
    ///
    /// use cloudflare_clients::r2::{LifecyclePolicy, LifecycleRule};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let r2 = R2Service::new(LocalBucket::open(folder.path(), "media").await?);
    /// let days = |days: u64| Duration::from_secs(24 * days * 3600);
    /// let mut policy = r2.lifecycle().await?.unwrap_or_default();
    /// policy.rules.push(LifecycleRule::new("logs").prefix("logs/").delete_objects(days(90)));
    /// r2.set_lifecycle(policy).await?;
    ///
    /// let ids = r2.lifecycle().await?.unwrap_or_default().rules.into_iter().map(|rule| rule.id);
    /// assert!(ids.eq(["Default Multipart Abort Rule", "logs"]));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of [`LifecyclePolicy::validate`], before anything is sent. Over S3, ages must be whole days:
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind).
    pub async fn set_lifecycle(&self, policy: LifecyclePolicy) -> Result<()> {
        let operation = Operation::without_key("set_lifecycle");
        operation.check(policy.validate())?;
        self.attempts().run(&operation, || Some(self.bucket().put_lifecycle(policy.clone()))).await
    }

    /// Deletes the bucket's lifecycle policy, if it has one. Then no objects are deleted or moved, and no
    /// uploads are aborted.
    pub async fn delete_lifecycle(&self) -> Result<()> {
        let operation = Operation::without_key("delete_lifecycle");
        self.attempts().run(&operation, || Some(self.bucket().delete_lifecycle())).await
    }
}
