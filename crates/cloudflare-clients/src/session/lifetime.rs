//! For how long sessions are good.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::kv::MIN_EXPIRATION_TTL;

/// A Worker's binding counts the seconds to an expiry in 32 bits.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 86_400);

/// For how long a session is good: ten years at most.
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
    /// So long after it was made, used or not: 60 seconds or more.
    pub fn fixed(age: Duration) -> Self {
        Self { max_age: age, sliding: None }
    }

    /// Until it was not used for `idle`, 60 seconds or more, and for `max_age` in all.
    pub fn sliding(idle: Duration, max_age: Duration) -> Self {
        Self { max_age, sliding: Some(Sliding { idle, rewrite_after: idle / 2 }) }
    }

    /// How long after the use of a sliding session was last written down its next use is: by default half of the idle time,
    /// and less than all of it. A longer time costs fewer writes and lets a session end that much earlier after its last use.
    ///
    /// A fixed lifetime needs none.
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
                "the lifetime of sessions is {shortest:?}: KV keeps nothing for less than {} seconds",
                MIN_EXPIRATION_TTL.as_secs()
            )));
        }
        if self.max_age > LONGEST {
            return Err(Error::invalid_input(format!(
                "the lifetime of sessions is {:?}: at most it is {LONGEST:?}, ten years",
                self.max_age
            )));
        }
        match self.sliding {
            Some(Sliding { idle, .. }) if idle > self.max_age => Err(Error::invalid_input(format!(
                "sessions may be idle for {idle:?} and live for {:?}: the idle time has to be the shorter one",
                self.max_age
            ))),
            Some(Sliding { idle, rewrite_after }) if rewrite_after >= idle => {
                Err(Error::invalid_input(format!(
                    "the use of a session is to be written down after {rewrite_after:?}: it has ended after {idle:?}"
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
            (SessionLifetime::fixed(seconds(59)), "is 59s: KV keeps nothing for less than 60"),
            (SessionLifetime::sliding(seconds(59), seconds(600)), "is 59s"),
            (SessionLifetime::sliding(seconds(600), seconds(59)), "is 59s"),
            (SessionLifetime::sliding(seconds(600), seconds(599)), "idle for 600s and live for 599s"),
            (SessionLifetime::fixed(Duration::MAX), "at most it is 315360000s"),
            (
                SessionLifetime::sliding(seconds(60), seconds(60)).rewrite_after(seconds(60)),
                "after 60s: it has ended after 60s",
            ),
        ] {
            let error = lifetime.validate().unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        SessionLifetime::fixed(seconds(60)).validate().unwrap();
        SessionLifetime::sliding(seconds(60), seconds(60)).validate().unwrap();
    }
}
