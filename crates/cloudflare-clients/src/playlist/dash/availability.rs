//! How much earlier than their end segments become available (`availabilityTimeOffset`, [ISO/IEC
//! 23009-1](https://www.iso.org/standard/89027.html), clauses 5.3.9.5 and 5.6).

use std::fmt;
use std::ops::Add;

/// Infinity, in nanoseconds: more than any stream reaches.
const INFINITE: i128 = 1 << 90;

/// An `availabilityTimeOffset`, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Offset(i128);

impl Offset {
    /// Parses a number of seconds, or `INF` if all segments are available immediately.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let seconds: f64 = text.trim().parse().ok().filter(|seconds: &f64| !seconds.is_nan())?;
        #[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and the result is clamped")]
        let nanos = (seconds * 1e9).round() as i128;
        Some(Self(nanos.clamp(-INFINITE, INFINITE)))
    }

    pub(super) fn nanos(self) -> i128 {
        self.0
    }

    pub(super) fn is_infinite(self) -> bool {
        self.0 >= INFINITE
    }
}

impl Add for Offset {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0).clamp(-INFINITE, INFINITE))
    }
}

/// The form of the attribute.
impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_infinite() {
            return f.write_str("INF");
        }
        let sign = if self.0 < 0 { "-" } else { "" };
        let (seconds, nanos) = (self.0.unsigned_abs() / 1_000_000_000, self.0.unsigned_abs() % 1_000_000_000);
        let text = format!("{sign}{seconds}.{nanos:09}");
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_read_and_written() {
        for (text, expected) in [
            ("0", "0"),
            ("3.75", "3.75"),
            ("1.5E1", "15"),
            ("-2", "-2"),
            ("INF", "INF"),
            ("1e300", "INF"),
            ("10", "10"),
        ] {
            assert_eq!(Offset::parse(text).unwrap().to_string(), expected, "{text}");
        }
        let sum = |a, b| (Offset::parse(a).unwrap() + Offset::parse(b).unwrap()).to_string();
        assert_eq!(sum("1.25", "0.5"), "1.75");
        assert_eq!(sum("INF", "INF"), "INF");
        for text in ["", "x", "NaN", "1,5"] {
            assert_eq!(Offset::parse(text), None, "{text}");
        }
    }
}
