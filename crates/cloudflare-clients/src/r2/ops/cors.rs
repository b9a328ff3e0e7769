//! The CORS policy of the bucket.

use crate::client::operation::Operation;
use crate::error::Result;
use crate::model::r2::CorsPolicy;
use crate::r2::service::R2Service;

impl R2Service {
    /// Returns the bucket's CORS policy, or `None` if it has none and refuses all pages. See
    /// [Configure CORS](https://developers.cloudflare.com/r2/buckets/cors/).
    ///
    /// Over S3, this and the other CORS methods need credentials that may administrate the bucket.
    /// Credentials for objects only are [`ErrorKind::Forbidden`](crate::ErrorKind). A Worker's binding does
    /// not support CORS policies: [`ErrorKind::Unsupported`](crate::ErrorKind).
    pub async fn cors(&self) -> Result<Option<CorsPolicy>> {
        let operation = Operation::without_key("cors");
        self.attempts().run(&operation, || Some(self.bucket().cors())).await
    }

    /// Replaces the bucket's CORS policy. R2 may take 30 seconds to apply it.
    ///
    /// ```
    /// # use cloudflare_clients::{LocalBucket, r2::R2Service};
    /// use cloudflare_clients::http::Method;
    /// use cloudflare_clients::r2::{CorsPolicy, CorsRule};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let r2 = R2Service::new(LocalBucket::open(folder.path(), "media").await?);
    /// let pages = CorsRule::new(["https://app.example.com"], [Method::GET, Method::PUT])
    ///     .allow_headers(["content-type", "range"])
    ///     .expose_headers(["etag", "content-range"]);
    /// r2.set_cors(CorsPolicy::new([pages])).await?;
    /// assert_eq!(r2.cors().await?.map(|policy| policy.rules.len()), Some(1));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of [`CorsPolicy::validate`], before anything is sent.
    pub async fn set_cors(&self, policy: CorsPolicy) -> Result<()> {
        let operation = Operation::without_key("set_cors");
        operation.check(policy.validate())?;
        self.attempts().run(&operation, || Some(self.bucket().put_cors(policy.clone()))).await
    }

    /// Deletes the bucket's CORS policy, if it has one. Then no page may use the bucket.
    pub async fn delete_cors(&self) -> Result<()> {
        let operation = Operation::without_key("delete_cors");
        self.attempts().run(&operation, || Some(self.bucket().delete_cors())).await
    }
}
