//! Orders the sessions and log-outs of one process within a millisecond.

use std::sync::Mutex;

use crate::sync::lock;

/// Assigns times to sessions and log-outs. The time of a log-out is later than the times of all sessions
/// created before it, and not later than those created after it, even if the clock shows the same
/// millisecond. Times are milliseconds since 1970.
#[derive(Debug, Default)]
pub(super) struct Order(Mutex<Times>);

#[derive(Debug, Default)]
struct Times {
    last_made: u64,
    good_since: u64,
}

impl Order {
    /// Returns the creation time of a new session.
    pub(super) fn make(&self, now: u64) -> u64 {
        let mut times = lock(&self.0);
        let made = now.max(times.good_since);
        times.last_made = times.last_made.max(made);
        made
    }

    /// Returns the time from which sessions are valid after a log-out.
    pub(super) fn log_out(&self, now: u64) -> u64 {
        let mut times = lock(&self.0);
        let since = now.max(times.last_made).saturating_add(1);
        times.good_since = times.good_since.max(since);
        since
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_log_out_is_after_what_was_made_and_before_what_is(
            steps in prop::collection::vec((0_u64..3, any::<bool>()), 0..60),
        ) {
            let order = Order::default();
            let (mut now, mut made, mut ended) = (1_795_583_900_000, Vec::new(), 0);
            for (passed, logs_out) in steps {
                now += passed;
                if logs_out {
                    ended = order.log_out(now);
                    prop_assert!(made.iter().all(|made| *made < ended), "{made:?} {ended}");
                } else {
                    made.push(order.make(now));
                    prop_assert!(made.last() >= Some(&ended), "{made:?} {ended}");
                }
            }
        }
    }

    #[test]
    fn log_outs_alone_do_not_run_ahead_of_the_clock() {
        let order = Order::default();
        assert!((0..1000).all(|_| order.log_out(5) == 6));
        assert_eq!((order.make(5), order.log_out(5)), (6, 7));
    }
}
