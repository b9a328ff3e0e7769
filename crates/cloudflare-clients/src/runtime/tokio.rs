//! The clock, timer and randomness of a program with Tokio.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::BoxFuture;

use super::Runtime;

/// Maximum time that a paused Tokio clock may lag behind the machine's.
const LAG: Duration = Duration::from_secs(24 * 60 * 60);

/// The system's clock and Tokio's timer. Sleeping needs a Tokio runtime with its time driver.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokioRuntime;

impl Runtime for TokioRuntime {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    /// Tokio's clock, which tests can pause.
    fn monotonic(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        (tokio::time::Instant::now().into_std() + LAG).saturating_duration_since(*START)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn random(&self) -> f64 {
        fastrand::f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bytes_are_filled_anew_each_time() {
        let [mut one, mut two] = [[0; 64]; 2];
        TokioRuntime.fill_random(&mut one).unwrap();
        TokioRuntime.fill_random(&mut two).unwrap();
        assert_ne!(one, two);
        assert!(one.chunks(16).chain(two.chunks(16)).all(|bytes| bytes.iter().any(|byte| *byte != 0)));
    }

    #[test]
    fn a_paused_clock_moves_the_monotonic_time() {
        let paused = || {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            builder.enable_time().start_paused(true).build().unwrap()
        };
        // Its clock is paused before anybody has asked for the time.
        let hour = Duration::from_secs(3600);
        let elapsed = paused().block_on(async {
            let start = TokioRuntime.monotonic();
            TokioRuntime.sleep(hour).await;
            TokioRuntime.monotonic().checked_sub(start).unwrap()
        });
        assert!((hour..hour + Duration::from_millis(10)).contains(&elapsed), "{elapsed:?}");
    }
}
