//! The pieces of equal size that a file is split into.

use crate::error::{Error, Result};
use crate::model::r2::{MAX_PARTS, MAX_SINGLE_UPLOAD, MIN_PART_SIZE};

const MIB: u64 = 1024 * 1024;
const DEFAULT_SIZE: u64 = 16 * MIB;

/// A piece of a file. Numbers start at 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) number: u16,
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// The pieces of `size` bytes, all of one size except the last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pieces {
    size: u64,
    piece_size: u64,
}

impl Pieces {
    /// Pieces of the given size. The default is a whole number of mebibytes, at least 16, that needs at most
    /// 10,000 pieces.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) if parts of that size are too small, too large or too
    /// many.
    pub(super) fn new(size: u64, piece_size: Option<u64>) -> Result<Self> {
        let least = size.div_ceil(u64::from(MAX_PARTS));
        let Some(piece_size) = piece_size else {
            return Ok(Self { size, piece_size: least.next_multiple_of(MIB).max(DEFAULT_SIZE) });
        };
        if !(MIN_PART_SIZE..=MAX_SINGLE_UPLOAD).contains(&piece_size) {
            return Err(Error::invalid_input(format!(
                "the part size is {piece_size} bytes, and R2 allows {MIN_PART_SIZE} to {MAX_SINGLE_UPLOAD}"
            )));
        }
        if piece_size < least {
            return Err(Error::invalid_input(format!(
                "{size} bytes need more than {MAX_PARTS} parts of {piece_size} bytes: use parts of {least} bytes or more"
            )));
        }
        Ok(Self { size, piece_size })
    }

    /// Pieces of this size, or larger ones if 10,000 are not enough.
    pub(super) fn of_at_least(size: u64, piece_size: u64) -> Result<Self> {
        let least = Self::new(size, None)?.piece_size;
        Self::new(size, Some(least.max(piece_size)))
    }

    /// The parts of a stored object whose first part has this size. `None` if it would have more than 10,000
    /// parts.
    pub(super) fn of_object(size: u64, piece_size: u64) -> Option<Self> {
        (piece_size > 0 && size.div_ceil(piece_size) <= u64::from(MAX_PARTS))
            .then_some(Self { size, piece_size })
    }

    pub(super) fn piece_size(self) -> u64 {
        self.piece_size
    }

    pub(super) fn count(self) -> u64 {
        self.size.div_ceil(self.piece_size)
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Piece> + Send {
        (1..=MAX_PARTS).map_while(move |number| self.get(number))
    }

    /// The piece with this number.
    pub(super) fn get(self, number: u16) -> Option<Piece> {
        let offset = u64::from(number.checked_sub(1)?).checked_mul(self.piece_size)?;
        let left = self.size.checked_sub(offset).filter(|left| *left > 0)?;
        Some(Piece { number, offset, length: left.min(self.piece_size) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::r2::MAX_OBJECT_SIZE;

    #[test]
    fn ten_thousand_are_enough() {
        let size = |size| Pieces::new(size, None).unwrap().piece_size();
        assert_eq!([1, 160_000 * MIB, 160_000 * MIB + 1].map(size), [16 * MIB, 16 * MIB, 17 * MIB]);
        assert!(Pieces::new(MAX_OBJECT_SIZE, None).unwrap().count() <= MAX_PARTS.into());
    }

    #[test]
    fn they_cover_all_bytes() {
        for (size, count) in [(0, 0), (1, 1), (5 * MIB, 1), (5 * MIB + 1, 2)] {
            let pieces = Pieces::new(size, Some(5 * MIB)).unwrap();
            assert_eq!(pieces.count(), count);
            let mut end = 0;
            for piece in pieces.iter() {
                assert_eq!(piece.offset, end);
                assert_eq!(pieces.get(piece.number), Some(piece));
                end += piece.length;
            }
            assert_eq!(end, size);
        }
    }

    #[test]
    fn sizes_that_r2_does_not_take_are_refused() {
        for (size, piece_size, message) in [
            (1, 5 * MIB - 1, "the part size is 5242879 bytes, and R2 allows"),
            (1, 6 << 30, "the part size is 6442450944 bytes, and R2 allows"),
            (
                50_001 * MIB,
                5 * MIB,
                "52429848576 bytes need more than 10000 parts of 5242880 bytes: use parts of 5242985",
            ),
        ] {
            let error = Pieces::new(size, Some(piece_size)).unwrap_err();
            assert!(error.message().starts_with(message), "{error}");
        }
    }
}
