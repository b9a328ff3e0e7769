//! Limits on how long something may take.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};

use super::Runtime;

impl dyn Runtime {
    /// What `work` gives, or `None` where it takes longer than `limit` by this runtime's timer.
    ///
    /// It is a method of `dyn Runtime`, which is what code is given: a runtime of a known type is called through a reference of that
    /// type.
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
        // The timer is made once the work has to be waited for.
        let timer = pin!(async { self.timeout(limit).await });
        match select(pin!(work), timer).await {
            Either::Left((output, _)) => Some(output),
            Either::Right(_) => None,
        }
    }
}
