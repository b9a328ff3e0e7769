//! Minimum rate of a peer that the server waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::Limits;

/// Factor by which the waiting time is shorter while others wait for a connection.
const PRESSED: u32 = 12;

/// Whether others wait for a connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pressure(Arc<AtomicBool>);

impl Pressure {
    pub(crate) fn set(&self, pressed: bool) {
        self.0.store(pressed, Ordering::Relaxed);
    }

    fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Progress of a peer during waits for it. Other time does not count.
#[derive(Debug)]
pub(crate) struct Pace {
    pressure: Pressure,
    patience: Duration,
    min_rate: u64,
    waited: Duration,
    bytes: u64,
}

/// The peer is too slow.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooSlow;

impl Pace {
    pub(crate) fn new(limits: &Limits, pressure: Pressure) -> Self {
        Self {
            pressure,
            patience: limits.patience,
            min_rate: limits.min_rate,
            waited: Duration::ZERO,
            bytes: 0,
        }
    }

    /// Returns how long to wait for the peer before the wait is [counted](Self::after).
    pub(crate) fn next_wait(&self) -> Duration {
        self.patience.saturating_sub(self.waited).min(self.patience / PRESSED)
    }

    /// Counts a wait, and the bytes that arrived during it.
    ///
    /// # Errors
    /// The waiting time is used up, and the rate was below the minimum. The time is shorter while others
    /// wait.
    pub(crate) fn after(&mut self, waited: Duration, bytes: usize) -> Result<(), TooSlow> {
        self.waited += waited;
        self.bytes += bytes as u64;
        let patience = if self.pressure.is_on() { self.patience / PRESSED } else { self.patience };
        if self.waited < patience {
            return Ok(());
        }
        let least = u128::from(self.min_rate) * self.waited.as_millis() / 1000;
        let enough = self.bytes > 0 && u128::from(self.bytes) >= least;
        (self.waited, self.bytes) = (Duration::ZERO, 0);
        if enough { Ok(()) } else { Err(TooSlow) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pace() -> Pace {
        pressed(&Pressure::default())
    }

    fn pressed(pressure: &Pressure) -> Pace {
        Pace::new(&Limits::default().patience(60 * SECOND).min_rate(1024), pressure.clone())
    }

    #[test]
    fn a_peer_that_sends_a_byte_now_and_then_is_too_slow() {
        let mut pace = pace();
        for _ in 0..2 {
            assert_eq!(pace.after(20 * SECOND, 1), Ok(()));
        }
        assert_eq!(pace.next_wait(), 5 * SECOND);
        assert_eq!(pace.after(20 * SECOND, 1), Err(TooSlow));
    }

    #[test]
    fn a_slow_but_steady_peer_is_waited_for_as_long_as_it_takes() {
        let mut pace = pace();
        for _ in 0..1000 {
            assert_eq!(pace.after(SECOND, 1024), Ok(()));
        }
    }

    #[test]
    fn there_is_less_patience_while_others_wait() {
        let pressure = Pressure::default();
        let mut pace = pressed(&pressure);
        assert_eq!(pace.after(50 * SECOND, 51_200), Ok(()));
        pressure.set(true);
        assert_eq!(pace.after(SECOND, 1024), Ok(()));
        assert_eq!(pace.after(4 * SECOND, 0), Ok(()));
        assert_eq!(pace.after(SECOND, 0), Err(TooSlow));
        pressure.set(false);
        assert_eq!(pace.after(50 * SECOND, 0), Ok(()));
    }

    #[test]
    fn what_came_before_does_not_excuse_a_stall_for_long() {
        let mut pace = pace();
        pace.after(Duration::ZERO, 1 << 30).unwrap();
        assert_eq!(pace.after(60 * SECOND, 0), Ok(()));
        assert_eq!(pace.after(60 * SECOND, 0), Err(TooSlow));
    }
}
