//! `max-keys` and similar parameters, as R2 parses them.

use crate::s3::error::S3Error;
use crate::s3::known_error::INVALID_MAX_KEYS;

const MAX_PAGE: u64 = 1000;

/// Parses a number as JavaScript does, rounded down. A number above 1,000 is echoed, but counts as 1,000.
pub(super) fn parse(value: Option<&str>) -> Result<u64, S3Error> {
    let Some(value) = value else {
        return Ok(MAX_PAGE);
    };
    let number: f64 = value.trim().parse().map_err(|_| INVALID_MAX_KEYS)?;
    if !number.is_finite() || number < 0.0 {
        return Err(INVALID_MAX_KEYS.into());
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Saturates, and is not negative.
    Ok(number as u64)
}

pub(super) fn page_size(max_keys: u64) -> usize {
    usize::try_from(max_keys.min(MAX_PAGE)).unwrap_or_default()
}

/// Returns the limit for the listing. It is 1 if 0 entries were requested, to find out whether there are any.
pub(super) fn limit(max_keys: u64) -> Option<u32> {
    u32::try_from(max_keys.clamp(1, MAX_PAGE)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_floored_and_garbage_refused() {
        for (value, expected) in
            [("0", 0), ("1.9", 1), ("1000", 1000), ("5000", 5000), (" 7 ", 7), ("1e2", 100)]
        {
            assert_eq!(parse(Some(value)).unwrap(), expected);
        }
        assert_eq!(parse(None).unwrap(), 1000);
        for value in ["", "-1", "x", "NaN", "inf", "1,5"] {
            assert_eq!(parse(Some(value)).unwrap_err().code, "InvalidMaxKeys", "{value}");
        }
        assert_eq!((limit(0), limit(5000), page_size(5000)), (Some(1), Some(1000), 1000));
    }
}
