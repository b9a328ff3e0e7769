//! Ranges of an object's bytes.

use std::ops;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

/// Which bytes of an object to read. A range that ends after the object's end is cut there.
///
/// Rust's ranges convert into it: `r2.get(key).range(0..1024)`, `.range(1024..)`, `.range(..1024)`.
///
/// See
/// [R2's ranged reads](https://developers.cloudflare.com/r2/api/workers/workers-api-reference/#ranged-reads).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Range {
    /// `length` bytes, starting at `offset`.
    OffsetWithLength {
        /// The first byte, counted from 0.
        offset: u64,
        /// The number of bytes, at least 1.
        length: u64,
    },
    /// All bytes from `offset` to the end.
    OffsetToEnd {
        /// The first byte, counted from 0.
        offset: u64,
    },
    /// The first `length` bytes.
    Prefix {
        /// The number of bytes, at least 1.
        length: u64,
    },
    /// The last `suffix` bytes.
    Suffix {
        /// The number of bytes, at least 1.
        suffix: u64,
    },
}

impl Range {
    /// Refuses ranges that no object can satisfy: those without bytes.
    pub(crate) fn validate(self) -> Result<()> {
        match self {
            Self::OffsetWithLength { length: 0, .. }
            | Self::Prefix { length: 0 }
            | Self::Suffix { suffix: 0 } => {
                Err(Error::invalid_input("the range is empty: request at least one byte"))
            }
            Self::OffsetWithLength { offset, length } if offset.checked_add(length).is_none() => {
                Err(Error::invalid_input(format!(
                    "the range of {length} bytes from byte {offset} exceeds 2^64 bytes"
                )))
            }
            _ => Ok(()),
        }
    }

    /// The bytes that this range has in an object of `size` bytes.
    ///
    /// # Errors
    /// [`ErrorKind::RangeNotSatisfiable`], with the object's [`size`](Error::size): the range starts at or
    /// after the object's end.
    pub fn resolve(self, size: u64) -> Result<ServedRange> {
        let (offset, length) = match self {
            Self::OffsetWithLength { offset, length } => (offset, length),
            Self::OffsetToEnd { offset } => (offset, u64::MAX),
            Self::Prefix { length } => (0, length),
            Self::Suffix { suffix } => (size.saturating_sub(suffix), suffix),
        };
        if offset >= size || length == 0 {
            return Err(Error::new(
                ErrorKind::RangeNotSatisfiable,
                format!("the range starts at byte {offset}, but the object has {size} bytes"),
            )
            .with_size(size));
        }
        Ok(ServedRange { offset, length: length.min(size - offset) })
    }

    /// The value of an HTTP `Range` header.
    pub(crate) fn to_header(self) -> String {
        match self {
            Self::OffsetWithLength { offset, length } => format!("bytes={offset}-{}", offset + (length - 1)),
            Self::OffsetToEnd { offset } => format!("bytes={offset}-"),
            Self::Prefix { length } => format!("bytes=0-{}", length - 1),
            Self::Suffix { suffix } => format!("bytes=-{suffix}"),
        }
    }
}

impl From<ops::Range<u64>> for Range {
    fn from(range: ops::Range<u64>) -> Self {
        Self::OffsetWithLength { offset: range.start, length: range.end.saturating_sub(range.start) }
    }
}

impl From<ops::RangeInclusive<u64>> for Range {
    fn from(range: ops::RangeInclusive<u64>) -> Self {
        let (start, end) = range.into_inner();
        Self::OffsetWithLength { offset: start, length: end.saturating_add(1).saturating_sub(start) }
    }
}

impl From<ops::RangeFrom<u64>> for Range {
    fn from(range: ops::RangeFrom<u64>) -> Self {
        Self::OffsetToEnd { offset: range.start }
    }
}

impl From<ops::RangeTo<u64>> for Range {
    fn from(range: ops::RangeTo<u64>) -> Self {
        Self::Prefix { length: range.end }
    }
}

/// The range of bytes that a ranged read returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServedRange {
    /// The position of the first returned byte in the object.
    pub offset: u64,
    /// The number of bytes.
    pub length: u64,
}

impl ServedRange {
    /// Creates a range of `length` bytes, starting at `offset`.
    pub fn new(offset: u64, length: u64) -> Self {
        Self { offset, length }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_resolve_and_clamp() {
        let served = |range: Range, size| range.resolve(size).map(|r| (r.offset, r.length)).ok();
        assert_eq!(served((2..5).into(), 10), Some((2, 3)));
        assert_eq!(served((2..50).into(), 10), Some((2, 8)));
        assert_eq!(served((9..).into(), 10), Some((9, 1)));
        assert_eq!(served((10..).into(), 10), None);
        assert_eq!(served(Range::Suffix { suffix: 3 }, 10), Some((7, 3)));
        assert_eq!(served(Range::Suffix { suffix: 30 }, 10), Some((0, 10)));
        assert_eq!(served((..4).into(), 0), None);
        assert_eq!(Range::from(10..).resolve(10).unwrap_err().size(), Some(10));
    }

    #[test]
    fn headers_are_inclusive() {
        assert_eq!(Range::from(0..1).to_header(), "bytes=0-0");
        assert_eq!(Range::from(0..=0).to_header(), "bytes=0-0");
        assert_eq!(Range::from(5..).to_header(), "bytes=5-");
        assert_eq!(Range::Suffix { suffix: 7 }.to_header(), "bytes=-7");
    }

    #[test]
    fn empty_ranges_are_refused() {
        #[allow(clippy::reversed_empty_ranges)]
        for range in [Range::from(3..3), Range::from(5..3), Range::from(..0), Range::Suffix { suffix: 0 }] {
            assert_eq!(range.validate().map_err(|e| e.kind()), Err(ErrorKind::InvalidInput), "{range:?}");
        }
    }
}
