//! The keys of objects.

use super::error_code::INVALID_OBJECT_NAME;
use crate::error::{Error, Result};

/// Checks an object's key: 1 to 1,024 bytes of UTF-8. There are no other rules.
///
/// # Errors
/// It is empty or too long.
pub fn validate_key(key: &str) -> Result<()> {
    validate_key_len(key.len())
}

pub(crate) fn validate_key_len(length: usize) -> Result<()> {
    match length {
        1..=1024 => Ok(()),
        length => Err(Error::invalid_input(format!(
            "the key has {length} bytes: a key has 1 to 1,024 bytes of UTF-8"
        ))
        .with_code(INVALID_OBJECT_NAME.name)),
    }
}
