//! The times of events: whole milliseconds since 1970, up to the end of the year 9999.

use std::ops::{Bound, Range, RangeBounds};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};
use crate::time::LAST_MILLISECOND;

const NANOS: u128 = 1_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Millis(u64);

impl Millis {
    /// Cuts off the fraction of a millisecond.
    pub(super) fn of(time: SystemTime) -> Result<Self> {
        let millis =
            time.duration_since(UNIX_EPOCH).ok().and_then(|since| u64::try_from(since.as_millis()).ok());
        millis.filter(|millis| *millis <= LAST_MILLISECOND).map(Self).ok_or_else(|| {
            Error::invalid_input("the time of an event is outside the years 1970 to 9999: check the clock")
        })
    }

    pub(super) fn time(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.0)
    }

    pub(super) fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Returns the time from this one to a later one, or zero.
    pub(super) fn until(self, other: Self) -> Duration {
        Duration::from_millis(other.0.saturating_sub(self.0))
    }

    /// Returns the start of the period of this length that contains the time.
    pub(super) fn beginning_of(self, period: Duration) -> Self {
        let period = u64::try_from(period.as_millis()).unwrap_or(u64::MAX).max(1);
        Self(self.0 - self.0 % period)
    }

    pub(super) fn after(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
                .min(LAST_MILLISECOND),
        )
    }

    /// `2026-11-25T05:18:20.123Z`
    pub(super) fn rfc3339(self) -> String {
        humantime::format_rfc3339_millis(self.time()).to_string()
    }

    /// Parses the exact output of [`rfc3339`](Self::rfc3339).
    pub(super) fn parse_rfc3339(text: &str) -> Option<Self> {
        let millis = Self::of(humantime::parse_rfc3339(text).ok()?).ok()?;
        (millis.rfc3339() == text).then_some(millis)
    }

    /// `20261125T051820123Z`
    pub(super) fn compact(self) -> String {
        self.rfc3339().replace(['-', ':', '.'], "")
    }

    /// Parses the exact output of [`compact`](Self::compact).
    pub(super) fn parse_compact(text: &str) -> Option<Self> {
        let rfc3339 = format!(
            "{}-{}-{}:{}:{}.{}",
            text.get(..4)?,
            text.get(4..6)?,
            text.get(6..11)?,
            text.get(11..13)?,
            text.get(13..15)?,
            text.get(15..)?
        );
        Self::parse_rfc3339(&rfc3339)
    }
}

/// Returns the milliseconds that lie within the bounds.
pub(super) fn within(bounds: &impl RangeBounds<SystemTime>) -> Range<Millis> {
    let start = match bounds.start_bound() {
        Bound::Unbounded => 0,
        Bound::Included(time) => first_from(*time),
        Bound::Excluded(time) => first_behind(*time),
    };
    let end = match bounds.end_bound() {
        Bound::Unbounded => LAST_MILLISECOND,
        Bound::Included(time) => first_behind(*time),
        Bound::Excluded(time) => first_from(*time),
    };
    Millis(start.min(LAST_MILLISECOND))..Millis(end.min(LAST_MILLISECOND))
}

/// Returns the first millisecond that is not before the time.
fn first_from(time: SystemTime) -> u64 {
    let nanos = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    u64::try_from(nanos.div_ceil(NANOS)).unwrap_or(u64::MAX)
}

/// Returns the first millisecond after the time.
fn first_behind(time: SystemTime) -> u64 {
    let nanos = time.duration_since(UNIX_EPOCH).map(|since| since.as_nanos());
    nanos.map_or(0, |nanos| u64::try_from(nanos / NANOS + 1).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_back_and_no_others_are_taken() {
        let time = UNIX_EPOCH + Duration::from_nanos(1_795_583_900_123_999_999);
        let millis = Millis::of(time).unwrap();
        assert_eq!(millis.rfc3339(), "2026-11-25T05:18:20.123Z");
        assert_eq!(millis.compact(), "20261125T051820123Z");
        for millis in [millis, Millis(0), Millis(LAST_MILLISECOND)] {
            assert_eq!(Millis::parse_rfc3339(&millis.rfc3339()), Some(millis));
            assert_eq!(Millis::parse_compact(&millis.compact()), Some(millis));
        }
        for text in ["2026-11-25T05:18:20Z", "2026-11-25 05:18:20.123Z", "2026-11-31T05:18:20.123Z", ""] {
            assert_eq!(Millis::parse_rfc3339(text), None, "{text}");
        }
        for text in
            ["20261125T051820123", "20261125t051820123Z", "20261125T05182012Z", "2026112ŤT51820123Z", ""]
        {
            assert_eq!(Millis::parse_compact(text), None, "{text}");
        }
    }

    #[test]
    fn times_without_a_form_are_refused() {
        assert!(Millis::of(Millis(LAST_MILLISECOND).time()).is_ok());
        for time in
            [UNIX_EPOCH - Duration::from_nanos(1), Millis(LAST_MILLISECOND).time() + Duration::from_millis(1)]
        {
            assert!(Millis::of(time).unwrap_err().message().contains("check the clock"));
        }
    }

    #[test]
    fn bounds_between_milliseconds_take_neither_more_nor_less() {
        let at = |nanos| UNIX_EPOCH + Duration::from_nanos(nanos);
        assert_eq!(within(&(at(1_000_000)..at(2_000_000))), Millis(1)..Millis(2));
        assert_eq!(within(&(at(1_000_000)..=at(2_000_000))), Millis(1)..Millis(3));
        assert_eq!(within(&(at(1_000_001)..at(2_000_001))), Millis(2)..Millis(3));
        let excluded = (Bound::Excluded(at(1_000_000)), Bound::Unbounded);
        assert_eq!(within(&excluded), Millis(2)..Millis(LAST_MILLISECOND));
        let past = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(within(&(past..=past)), Millis(0)..Millis(0));
        assert_eq!(within(&(..at(1))), Millis(0)..Millis(1));
    }
}
