//! Time limits.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};

use super::Runtime;

impl dyn Runtime {
    /// Returns the result of `work`, or `None` if it takes longer than `limit` on this runtime's timer.
    ///
    /// It is a method of `dyn Runtime`, which is the type that most code has. To call it on a concrete
    /// runtime, use a `&dyn Runtime` reference.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use cloudflare_clients::{Runtime, TokioRuntime};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let runtime: &dyn Runtime = &TokioRuntime;
    /// let limit = Duration::from_millis(1);
    /// assert_eq!(runtime.within(limit, std::future::ready(1)).await, Some(1));
    /// assert_eq!(runtime.within(limit, std::future::pending::<()>()).await, None);
    /// # }
    /// ```
    pub async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        // The timer is created only if the work is not ready immediately.
        let timer = pin!(async { self.timeout(limit).await });
        match select(pin!(work), timer).await {
            Either::Left((output, _)) => Some(output),
            Either::Right(_) => None,
        }
    }
}
