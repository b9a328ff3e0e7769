//! The lifetime of sessions.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::kv::MIN_EXPIRATION_TTL;

/// Maximum lifetime. A Worker's binding has 32 bits for the seconds until a key expires.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 86_400);

/// How long sessions live: ten years at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLifetime {
    pub(super) max_age: Duration,
    pub(super) sliding: Option<Sliding>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sliding {
    pub(super) idle: Duration,
    pub(super) rewrite_after: Duration,
}

impl SessionLifetime {
    /// Sessions end this long after they were created, whether they are used or not: 60 seconds or more.
    pub fn fixed(age: Duration) -> Self {
        Self { max_age: age, sliding: None }
    }

    /// Sessions end after `idle` without use, 60 seconds or more, and `max_age` after they were created in
    /// any case.
    pub fn sliding(idle: Duration, max_age: Duration) -> Self {
        Self { max_age, sliding: Some(Sliding { idle, rewrite_after: idle / 2 }) }
    }

    /// Sets the minimum time between two recorded uses of a sliding session. Default: half of the idle time;
    /// it must be shorter than the idle time. A longer time costs fewer writes, but lets a session end by
    /// that much earlier after its last use.
    ///
    /// It has no effect on a fixed lifetime.
    #[must_use]
    pub fn rewrite_after(mut self, time: Duration) -> Self {
        if let Some(sliding) = &mut self.sliding {
            sliding.rewrite_after = time;
        }
        self
    }

    pub(super) fn validate(&self) -> Result<()> {
        let shortest = self.sliding.map_or(self.max_age, |sliding| sliding.idle.min(self.max_age));
        if shortest < MIN_EXPIRATION_TTL {
            return Err(Error::invalid_input(format!(
                "the lifetime of sessions is {shortest:?}: KV's minimum is {} seconds",
                MIN_EXPIRATION_TTL.as_secs()
            )));
        }
        if self.max_age > LONGEST {
            return Err(Error::invalid_input(format!(
                "the lifetime of sessions is {:?}: the maximum is {LONGEST:?}, ten years",
                self.max_age
            )));
        }
        match self.sliding {
            Some(Sliding { idle, .. }) if idle > self.max_age => Err(Error::invalid_input(format!(
                "the idle time of sessions is {idle:?} and their lifetime {:?}: the idle time must not be longer",
                self.max_age
            ))),
            Some(Sliding { idle, rewrite_after }) if rewrite_after >= idle => {
                Err(Error::invalid_input(format!(
                    "uses of a session are recorded every {rewrite_after:?}, but it ends after {idle:?}: set a shorter `rewrite_after`"
                )))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_that_cannot_be_are_refused() {
        let seconds = Duration::from_secs;
        for (lifetime, said) in [
            (SessionLifetime::fixed(seconds(59)), "is 59s: KV's minimum is 60"),
            (SessionLifetime::sliding(seconds(59), seconds(600)), "is 59s"),
            (SessionLifetime::sliding(seconds(600), seconds(59)), "is 59s"),
            (SessionLifetime::sliding(seconds(600), seconds(599)), "is 600s and their lifetime 599s"),
            (SessionLifetime::fixed(Duration::MAX), "the maximum is 315360000s"),
            (
                SessionLifetime::sliding(seconds(60), seconds(60)).rewrite_after(seconds(60)),
                "every 60s, but it ends after 60s",
            ),
        ] {
            let error = lifetime.validate().unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        SessionLifetime::fixed(seconds(60)).validate().unwrap();
        SessionLifetime::sliding(seconds(60), seconds(60)).validate().unwrap();
    }
}
