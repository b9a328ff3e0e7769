//! Limits the rate of requests.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use crate::sync::lock;
use crate::time::later;
#[cfg(any(test, all(feature = "http", not(target_arch = "wasm32"))))]
use crate::wire::kv_rest::RateLimit;

/// Maximum time for which an answer's rate limit headers can delay requests.
#[cfg(any(test, all(feature = "http", not(target_arch = "wasm32"))))]
const LONGEST_RESET: Duration = Duration::from_secs(3600);

/// Limits how many requests are sent in a time, so that a batch job slows down instead of being blocked.
///
/// Cloudflare's API accepts [1,200 requests in five
/// minutes](https://developers.cloudflare.com/fundamentals/api/reference/limits/) per user or token. Beyond
/// that it rejects all requests for five minutes. A budget sends a tenth of them without waiting and spreads
/// the others evenly, so that no window of that length contains more. If answers report that fewer requests
/// are left, because others use the same token, the next requests are spread further apart.
///
/// Clones share one budget: give clones to all namespaces that use the same token.
///
/// ```
/// # use std::time::{Duration, UNIX_EPOCH};
/// use cloudflare_clients::kv::RequestBudget;
///
/// let budget = RequestBudget::new(10, Duration::from_secs(9));
/// assert_eq!(budget.reserve(UNIX_EPOCH), Duration::ZERO);
/// assert_eq!(budget.reserve(UNIX_EPOCH), Duration::from_secs(1));
/// ```
#[derive(Debug, Clone)]
pub struct RequestBudget {
    /// Time between two requests, after the burst has been used up.
    interval: Duration,
    /// How far ahead of its time a request may be sent.
    tolerance: Duration,
    /// When the next request would be sent if all were spread evenly.
    next: Arc<Mutex<Option<SystemTime>>>,
}

impl Default for RequestBudget {
    /// 1,200 requests in five minutes.
    fn default() -> Self {
        Self::new(1200, Duration::from_secs(300))
    }
}

impl RequestBudget {
    /// Creates a budget of `requests` in any `window`. 0 counts as 1.
    pub fn new(requests: u32, window: Duration) -> Self {
        let burst = (requests / 10).max(1);
        let interval = window / requests.saturating_sub(burst).max(1);
        Self { interval, tolerance: interval.saturating_mul(burst - 1), next: Arc::default() }
    }

    /// Takes one request from the budget and returns how long to wait before sending it.
    pub fn reserve(&self, now: SystemTime) -> Duration {
        let mut next = self.next();
        let at = next.unwrap_or(now).max(now);
        *next = Some(later(at, self.interval));
        at.duration_since(later(now, self.tolerance)).unwrap_or_default()
    }

    /// Adapts to the number of requests that an answer says are left.
    #[cfg(any(test, all(feature = "http", not(target_arch = "wasm32"))))]
    pub(crate) fn observe(&self, limit: &RateLimit, now: SystemTime) {
        let left = u32::try_from(limit.remaining).unwrap_or(u32::MAX).saturating_add(1);
        let apart = limit.resets_in.min(LONGEST_RESET) / left;
        if apart > self.interval {
            let mut next = self.next();
            *next = (*next).max(Some(later(later(now, apart), self.tolerance)));
        }
    }

    fn next(&self) -> MutexGuard<'_, Option<SystemTime>> {
        lock(&self.next)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Returns when each of `count` consecutive requests is sent.
    fn sent(budget: &RequestBudget, count: usize, begin: SystemTime) -> Vec<SystemTime> {
        let mut now = begin;
        let mut send = || {
            now += budget.reserve(now);
            now
        };
        (0..count).map(|_| send()).collect()
    }

    #[test]
    fn no_window_has_more_than_the_budget_and_a_tenth_goes_at_once() {
        for (requests, window) in [(1200, 300 * SECOND), (1, SECOND), (7, 10 * SECOND), (15, SECOND)] {
            let budget = RequestBudget::new(requests, window);
            let begin = UNIX_EPOCH + SECOND;
            let mut times = sent(&budget, 3000, begin);
            // A pause saves up a tenth of the requests at most.
            let later = *times.last().unwrap() + 10 * window;
            times.extend(sent(&budget, 3000, later));
            for (first, last) in times.iter().zip(&times[requests as usize..]) {
                assert!(last.duration_since(*first).unwrap() >= window, "{requests} in {window:?}");
            }
            let at_once = times.iter().filter(|time| **time == begin).count();
            assert_eq!(at_once, (requests as usize / 10).max(1));
        }
    }

    #[test]
    fn what_answers_say_is_left_spreads_the_rest() {
        let budget = RequestBudget::default();
        let left = |remaining, resets_in| RateLimit { remaining, resets_in };
        budget.observe(&left(1100, 300 * SECOND), UNIX_EPOCH);
        assert_eq!(budget.reserve(UNIX_EPOCH), Duration::ZERO);
        budget.observe(&left(99, 200 * SECOND), UNIX_EPOCH);
        assert_eq!(budget.reserve(UNIX_EPOCH), 2 * SECOND);
        budget.observe(&left(0, 200 * SECOND), UNIX_EPOCH);
        assert_eq!(budget.clone().reserve(UNIX_EPOCH), 200 * SECOND);
    }

    #[test]
    fn times_at_their_end_are_no_panic_and_no_answer_stops_requests_for_long() {
        let budget = RequestBudget::default();
        budget.observe(&RateLimit { remaining: u64::MAX, resets_in: Duration::MAX }, UNIX_EPOCH);
        budget.observe(&RateLimit { remaining: 0, resets_in: Duration::MAX }, UNIX_EPOCH);
        assert_eq!(budget.reserve(UNIX_EPOCH), LONGEST_RESET);
        for requests in [0, 1, 100, u32::MAX] {
            let longest = RequestBudget::new(requests, Duration::MAX);
            assert_eq!(longest.reserve(UNIX_EPOCH), Duration::ZERO);
            longest.reserve(UNIX_EPOCH);
            longest.reserve(UNIX_EPOCH + SECOND);
        }
    }
}
