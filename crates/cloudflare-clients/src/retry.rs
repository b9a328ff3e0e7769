//! When to send a request again: a pure function. Sleeping is somebody else's.

use std::time::Duration;

use http::StatusCode;

use crate::error::{Error, ErrorKind};

/// When a failed request is sent again, and after how long.
///
/// Retry `n` (counted from 0) waits for a time that is uniform in `[d / 2, min(d * 1.5, max_delay)]`, with
/// `d = min(base_delay * 2^n, max_delay)`, so that waits of `max_delay` spread too; without
/// [`jitter`](Self::jitter) it waits for `d`. A `Retry-After` of the service replaces a shorter delay. When
/// the waits of one operation would add up to more than `max_wait`, it fails at once, and
/// [`Error::retry_after`] says when it may be tried again. Of a 429 without `Retry-After`, no retry waits less
/// than [`rate_limit_delay`](Self::rate_limit_delay).
///
/// What is retried is decided by [`Error::is_retryable`]: 429, 5xx but 501, timeouts and connection faults. A
/// 429 or 503, with which a service slows its clients down, is retried [more
/// often](Self::max_slowdown_retries): of requests that fail so one time in five, three retries lose one in
/// 600, and ten lose none.
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
    /// 3 retries (so 4 attempts at most), or 10 of a 429 or 503; 100 ms base delay, 2 s at most between two
    /// attempts, 30 s of waiting in all, jitter on.
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

    /// How many times a failed request is sent again, whatever the failure: 2 means 3 attempts at most.
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = retries;
        self.max_slowdown_retries = retries;
        self
    }

    /// How many times a request is sent again that the service has refused with a 429 or 503, to be asked for
    /// less. After
    /// [`max_retries`](Self::max_retries), which sets this too. `max_wait` bounds it as well.
    pub fn max_slowdown_retries(mut self, retries: u32) -> Self {
        self.max_slowdown_retries = retries;
        self
    }

    /// The policy of a transfer, which goes slower rather than fails when it is slowed down, unless nothing
    /// is retried.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn of_transfer(&self) -> Self {
        let most = self.max_slowdown_retries;
        self.clone().max_slowdown_retries(if most == 0 { 0 } else { most.max(12) })
    }

    /// The delay before the first retry, doubled for each further one.
    pub fn base_delay(mut self, delay: Duration) -> Self {
        self.base_delay = delay;
        self
    }

    /// The longest delay that the doubling reaches. A `Retry-After` may ask for more.
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// The longest that one operation waits in all, between its attempts.
    pub fn max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = wait;
        self
    }

    /// The least delay before the first retry of what was refused with a 429 that does not say how long to
    /// wait; doubled for each further one, up to `max_delay` or to itself, and with jitter up to a half
    /// longer. None by default for R2; a second for
    /// [`KvClient`](crate::kv::KvClient) and [`Locks`](crate::lock::Locks), as one key takes one write a second.
    pub fn rate_limit_delay(mut self, delay: Duration) -> Self {
        self.rate_limit_delay = Some(delay);
        self
    }

    /// Sets the delay unless it is set.
    pub(crate) fn rate_limit_delay_or(mut self, delay: Duration) -> Self {
        self.rate_limit_delay.get_or_insert(delay);
        self
    }

    /// Whether delays are spread at random, so that clients which failed together do not return together.
    pub fn jitter(mut self, jitter: bool) -> Self {
        self.jitter = jitter;
        self
    }

    /// What to do after a failure.
    ///
    /// `retries` is how many retries were made before it: of a 429 or 503 all, and of another failure those
    /// after other failures, so that having been slowed down does not use them up. `waited` how long they
    /// waited in all, and `random` a number in `[0, 1)` for the jitter.
    pub fn decide(&self, error: &Error, retries: u32, waited: Duration, random: f64) -> RetryDecision {
        // Bytes that arrived wrong may arrive right, but twice wrong means that they are stored wrong.
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

    /// A delay between `low` and what is a half longer than `delay`, but not over `cap`.
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

/// Whether the service says that it is asked for too much: a 429 or a 503.
pub(crate) fn slows_down(error: &Error) -> bool {
    error.kind() == ErrorKind::RateLimited || error.status() == Some(StatusCode::SERVICE_UNAVAILABLE)
}

fn doubled(delay: Duration, times: u32) -> Duration {
    delay.saturating_mul(2_u32.saturating_pow(times))
}

/// What [`RetryPolicy::decide`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryDecision {
    /// Send the request again after this delay.
    Retry(Duration),
    /// Give up: the error is final.
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
        // Ten retries of the default take less than `max_wait`, whatever the jitter.
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
        // 1.6 s would become 2.4 s at most, and stays below the cap of 2 s.
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
