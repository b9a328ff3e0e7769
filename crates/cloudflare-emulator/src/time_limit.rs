//! Limits on how long something may take, by the timer of the store.

use std::pin::pin;
use std::time::Duration;

use cloudflare_clients::Runtime;
use futures_util::future::{Either, select};

/// What `future` gives, or `None` where `limit` passes first.
pub(crate) async fn within<T>(
    runtime: &dyn Runtime,
    limit: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    match select(pin!(future), runtime.sleep(limit)).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(((), _)) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use cloudflare_clients::TokioRuntime;

    use super::*;

    #[tokio::test]
    async fn what_is_ready_wins_over_a_limit_that_has_passed() {
        assert_eq!(within(&TokioRuntime, Duration::ZERO, ready(1)).await, Some(1));
        assert_eq!(within(&TokioRuntime, Duration::ZERO, pending::<()>()).await, None);
    }
}
