//! When to send a request again, as a pure function. It does not sleep.

use std::time::Duration;

use http::StatusCode;

use crate::error::{Error, ErrorKind};

/// When a failed request is sent again, and after what delay.
///
/// Retry `n` (counted from 0) waits for a random time in `[d / 2, min(d * 1.5, max_delay)]`, where
/// `d = min(base_delay * 2^n, max_delay)`, so that waits of `max_delay` are spread too. Without
/// [`jitter`](Self::jitter) it waits for `d`. A longer `Retry-After` from the service replaces this delay.
/// After a 429 without `Retry-After`, the delay is at least [`rate_limit_delay`](Self::rate_limit_delay). If
/// the next wait would bring the operation's total above `max_wait`, the operation fails immediately, and
/// [`Error::retry_after`] says when to try again.
///
/// [`Error::is_retryable`] decides what is retried: 429, 5xx except 501, timeouts and connection failures. A
/// 429 or 503, which asks clients to slow down, is retried [more often](Self::max_slowdown_retries): if one
/// request in five fails this way, three retries lose one request in 600, and ten lose practically none.
///
/// ```
/// use std::time::Duration;
/// use cloudflare_clients::RetryPolicy;
///
/// let quick = RetryPolicy::default().max_retries(1).base_delay(Duration::from_millis(50));
/// let patient = RetryPolicy::default().max_retries(10).max_wait(Duration::from_secs(120));
/// # let _ = (quick, patient);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct RetryPolicy {
    max_retries: u32,
    max_slowdown_retries: u32,
    base_delay: Duration,
    max_delay: Duration,
    max_wait: Duration,
    rate_limit_delay: Option<Duration>,
    jitter: bool,
}

impl Default for RetryPolicy {
    /// 3 retries (4 attempts), or 10 after a 429 or 503; 100 ms base delay, at most 2 s between two attempts,
    /// at most 30 s of waiting in total, with jitter.
    fn default() -> Self {
        Self {
            max_retries: 3,
            max_slowdown_retries: 10,
            base_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(2),
            max_wait: Duration::from_secs(30),
            rate_limit_delay: None,
            jitter: true,
        }
    }
}

impl RetryPolicy {
    /// Never retries.
    pub fn none() -> Self {
        Self::default().max_retries(0)
    }

    /// Sets the maximum number of retries, whatever the failure: 2 means at most 3 attempts. 3 by default.
    ///
    /// This sets [`max_slowdown_retries`](Self::max_slowdown_retries) too.
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = retries;
        self.max_slowdown_retries = retries;
        self
    }

    /// Sets the maximum number of retries after a 429 or 503, which asks clients to slow down. 10 by default.
    ///
    /// Call it after [`max_retries`](Self::max_retries), which sets it too. `max_wait` applies as well.
    pub fn max_slowdown_retries(mut self, retries: u32) -> Self {
        self.max_slowdown_retries = retries;
        self
    }

    /// The policy of a transfer, which slows down rather than fails after a 429 or 503, unless retries are
    /// off.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn of_transfer(&self) -> Self {
        let most = self.max_slowdown_retries;
        self.clone().max_slowdown_retries(if most == 0 { 0 } else { most.max(12) })
    }

    /// Sets the delay before the first retry. It doubles for each further one. 100 ms by default.
    pub fn base_delay(mut self, delay: Duration) -> Self {
        self.base_delay = delay;
        self
    }

    /// Sets the maximum delay that the doubling reaches. A `Retry-After` may be longer. 2 s by default.
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// Sets the maximum time that one operation waits between its attempts, in total. 30 s by default.
    pub fn max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = wait;
        self
    }

    /// Sets the minimum delay after a 429 without `Retry-After`. Doubles per retry, up to `max_delay` or this
    /// delay, whichever is longer. Jitter makes it up to half as long again.
    ///
    /// R2 has no minimum by default. It is one second for [`KvClient`](crate::kv::KvClient) and
    /// [`Locks`](crate::lock::Locks), because a key accepts one write per second.
    pub fn rate_limit_delay(mut self, delay: Duration) -> Self {
        self.rate_limit_delay = Some(delay);
        self
    }

    /// Sets the delay unless it is already set.
    pub(crate) fn rate_limit_delay_or(mut self, delay: Duration) -> Self {
        self.rate_limit_delay.get_or_insert(delay);
        self
    }

    /// Sets whether delays are randomized, so that clients which failed together do not retry together. On by
    /// default.
    pub fn jitter(mut self, jitter: bool) -> Self {
        self.jitter = jitter;
        self
    }

    /// Decides what to do after a failure.
    ///
    /// `retries` is the number of retries before it. After a 429 or 503 it counts all retries; after another
    /// failure, only those that followed other failures, so that slowdowns do not use them up. `waited` is
    /// the total time waited so far, and `random` a number in `[0, 1)` for the jitter.
    pub fn decide(&self, error: &Error, retries: u32, waited: Duration, random: f64) -> RetryDecision {
        // Bytes damaged in transit may arrive intact the next time. Damaged twice, they are stored damaged.
        let damaged = error.kind() == ErrorKind::Integrity && !error.is_about_given();
        let retryable = error.is_retryable() || (damaged && retries == 0);
        let most = if slows_down(error) { self.max_slowdown_retries } else { self.max_retries };
        if !retryable || retries >= most {
            return RetryDecision::Stop;
        }
        let asked = match error.retry_after() {
            Some(delay) => delay,
            None if error.kind() == ErrorKind::RateLimited => self.delay_of_rate_limit(retries, random),
            None => Duration::ZERO,
        };
        let delay = self.delay(retries, random).max(asked);
        if waited.saturating_add(delay) > self.max_wait {
            return RetryDecision::Stop;
        }
        RetryDecision::Retry(delay)
    }

    /// The delay before a retry, whatever the error.
    pub(crate) fn delay(&self, retries: u32, random: f64) -> Duration {
        let delay = doubled(self.base_delay, retries).min(self.max_delay);
        self.spread(delay / 2, delay, self.max_delay, random)
    }

    fn delay_of_rate_limit(&self, retries: u32, random: f64) -> Duration {
        let least = self.rate_limit_delay.unwrap_or_default();
        let cap = self.max_delay.max(least);
        let delay = doubled(least, retries).min(cap);
        self.spread(delay, delay, cap, random)
    }

    /// A random delay between `low` and one and a half times `delay`, at most `cap`.
    fn spread(&self, low: Duration, delay: Duration, cap: Duration, random: f64) -> Duration {
        if !self.jitter {
            return delay;
        }
        let width = delay.saturating_add(delay / 2).min(cap).saturating_sub(low);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of the width")]
        let part = Duration::from_nanos((width.as_secs_f64() * random.clamp(0.0, 1.0) * 1e9) as u64);
        low.saturating_add(part)
    }
}

/// Whether the service asks clients to slow down: a 429 or a 503.
pub(crate) fn slows_down(error: &Error) -> bool {
    error.kind() == ErrorKind::RateLimited || error.status() == Some(StatusCode::SERVICE_UNAVAILABLE)
}

fn doubled(delay: Duration, times: u32) -> Duration {
    delay.saturating_mul(2_u32.saturating_pow(times))
}

/// The result of [`RetryPolicy::decide`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryDecision {
    /// Send the request again after this delay.
    Retry(Duration),
    /// Give up and return the error.
    Stop,
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn server_error() -> Error {
        Error::from_status(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
    }

    #[test]
    fn delays_double_up_to_the_cap_and_stop_after_max_retries() {
        let policy = RetryPolicy::default().max_retries(7).jitter(false);
        let delays: Vec<_> = (0..8).map(|n| policy.decide(&server_error(), n, Duration::ZERO, 0.0)).collect();
        let expected = [100, 200, 400, 800, 1600, 2000, 2000].map(|ms| RetryDecision::Retry(MS(ms)));
        assert_eq!(delays[..7], expected);
        assert_eq!(delays[7], RetryDecision::Stop);
    }

    #[test]
    fn a_service_that_slows_down_is_asked_more_often() {
        let failed = Error::from_status(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
        let limited = Error::from_status(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
        let most = |policy: &RetryPolicy, error: &Error| {
            (0..99).find(|n| policy.decide(error, *n, Duration::ZERO, 0.0) == RetryDecision::Stop).unwrap()
        };
        let policy = RetryPolicy::default();
        assert_eq!([&failed, &server_error(), &limited].map(|error| most(&policy, error)), [3, 10, 10]);
        // Ten retries with the default policy take less than `max_wait`, whatever the jitter.
        let longest: Duration = (0..10).map(|n| policy.delay(n, 1.0)).sum();
        assert!(longest < policy.max_wait, "{longest:?}");
        for (policy, slowdowns) in [
            (RetryPolicy::none(), 0),
            (RetryPolicy::default().max_retries(1), 1),
            (RetryPolicy::default().max_retries(1).max_slowdown_retries(4), 4),
        ] {
            assert_eq!(most(&policy, &server_error()), slowdowns);
            assert!(most(&policy, &failed) <= 1);
            let of_transfer = most(&policy.of_transfer(), &server_error());
            assert_eq!(of_transfer, if slowdowns == 0 { 0 } else { 12 });
        }
    }

    #[test]
    fn jitter_spreads_between_half_and_one_and_a_half() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.decide(&server_error(), 0, Duration::ZERO, 0.0), RetryDecision::Retry(MS(50)));
        assert_eq!(policy.decide(&server_error(), 0, Duration::ZERO, 0.5), RetryDecision::Retry(MS(100)));
        assert_eq!(policy.decide(&server_error(), 0, Duration::ZERO, 1.0), RetryDecision::Retry(MS(150)));
        let capped = RetryPolicy::default().max_retries(40);
        let at = |retries, random| capped.decide(&server_error(), retries, Duration::ZERO, random);
        // 1.6 s with jitter would reach 2.4 s, but the cap is 2 s.
        assert_eq!(
            [0.0, 0.5, 1.0].map(|random| at(4, random)),
            [800, 1400, 2000].map(|ms| RetryDecision::Retry(MS(ms)))
        );
        for retries in [5, 30] {
            let delays = [0.0, 0.25, 1.0].map(|random| at(retries, random));
            assert_eq!(delays, [1000, 1250, 2000].map(|ms| RetryDecision::Retry(MS(ms))), "at the cap");
        }
        let endless = capped.base_delay(Duration::MAX).max_delay(Duration::MAX).max_wait(Duration::MAX);
        let decision = endless.decide(&server_error(), 30, Duration::ZERO, 1.0);
        let RetryDecision::Retry(delay) = decision else { panic!("{decision:?}") };
        assert!(delay > Duration::MAX / 4, "{delay:?}");
    }

    #[test]
    fn retry_after_replaces_shorter_delays_only() {
        let policy = RetryPolicy::default().jitter(false);
        let long = server_error().with_retry_after(MS(5000));
        assert_eq!(policy.decide(&long, 0, Duration::ZERO, 0.0), RetryDecision::Retry(MS(5000)));
        let short = server_error().with_retry_after(MS(1));
        assert_eq!(policy.decide(&short, 0, Duration::ZERO, 0.0), RetryDecision::Retry(MS(100)));
    }

    #[test]
    fn a_429_that_does_not_say_how_long_waits_for_the_rate_limit() {
        let policy = RetryPolicy::default().max_retries(5).rate_limit_delay(MS(1000));
        let limited = || Error::from_status(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
        let delays = [0.0, 0.5, 1.0].map(|random| policy.decide(&limited(), 0, Duration::ZERO, random));
        assert_eq!(delays, [1000, 1250, 1500].map(|ms| RetryDecision::Retry(MS(ms))));
        let delays = [1, 2].map(|retries| policy.decide(&limited(), retries, Duration::ZERO, 0.0));
        assert_eq!(delays, [2000, 2000].map(|ms| RetryDecision::Retry(MS(ms))));
        let told = limited().with_retry_after(MS(300));
        assert_eq!(policy.decide(&told, 0, Duration::ZERO, 0.0), RetryDecision::Retry(MS(300)));
        assert_eq!(policy.decide(&server_error(), 0, Duration::ZERO, 0.0), RetryDecision::Retry(MS(50)));
        let r2 = RetryPolicy::default();
        assert_eq!(r2.decide(&limited(), 0, Duration::ZERO, 0.0), RetryDecision::Retry(MS(50)));
    }

    #[test]
    fn waiting_past_the_deadline_stops_at_once() {
        let policy = RetryPolicy::default();
        let error = server_error().with_retry_after(Duration::from_secs(31));
        assert_eq!(policy.decide(&error, 0, Duration::ZERO, 0.5), RetryDecision::Stop);
        assert_eq!(policy.decide(&server_error(), 1, Duration::from_secs(30), 0.5), RetryDecision::Stop);
    }

    #[test]
    fn final_errors_are_not_retried() {
        for kind in [
            ErrorKind::InvalidInput,
            ErrorKind::Credentials,
            ErrorKind::Forbidden,
            ErrorKind::PreconditionFailed,
            ErrorKind::NoSuchBucket,
            ErrorKind::Unsupported,
            ErrorKind::BodyNotReplayable,
        ] {
            let error = Error::new(kind, "no");
            assert_eq!(
                RetryPolicy::default().decide(&error, 0, Duration::ZERO, 0.5),
                RetryDecision::Stop,
                "{kind:?}"
            );
        }
        let integrity = Error::new(ErrorKind::Integrity, "flipped");
        assert!(matches!(
            RetryPolicy::default().decide(&integrity, 0, Duration::ZERO, 0.5),
            RetryDecision::Retry(_)
        ));
        assert_eq!(RetryPolicy::default().decide(&integrity, 1, Duration::ZERO, 0.5), RetryDecision::Stop);
    }
}
