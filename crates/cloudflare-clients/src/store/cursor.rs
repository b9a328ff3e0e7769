//! The bounds of a page of keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

use crate::error::{Error, Result};
use crate::model::r2::error_code::INVALID_ARGUMENT;

/// The smallest byte string that is greater than all keys with this prefix.
pub(super) fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut after = prefix.to_vec();
    while let Some(last) = after.pop() {
        if last < u8::MAX {
            after.push(last + 1);
            return after;
        }
    }
    // Keys are UTF-8, in which this byte never occurs.
    vec![u8::MAX]
}

/// The smallest byte string that is greater than `key`.
pub(super) fn after_key(key: &[u8]) -> Vec<u8> {
    let mut after = Vec::with_capacity(key.len() + 1);
    set_after_key(&mut after, key);
    after
}

/// Like [`after_key`], without a new allocation.
pub(super) fn set_after_key(after: &mut Vec<u8>, key: &[u8]) {
    key.clone_into(after);
    after.push(0);
}

/// Encodes the first key of the next page as a cursor.
pub(super) fn write_cursor(from: &[u8]) -> String {
    BASE64.encode(from)
}

pub(super) fn read_cursor(cursor: &str) -> Result<Vec<u8>> {
    BASE64.decode(cursor).map_err(|error| {
        Error::invalid_input("the cursor does not come from a list: start without a cursor")
            .with_code(INVALID_ARGUMENT.name)
            .with_source(error)
    })
}
