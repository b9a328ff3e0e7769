//! Object keys.

use std::borrow::Cow;

use super::error_code::INVALID_OBJECT_NAME;
use crate::error::{Error, Result};

/// Checks an object key: 1 to 1,024 bytes of UTF-8. There are no other rules.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind): the key is empty or too long.
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

/// Normalizes a key to the form in which R2 compares keys,
/// [NFC](https://developers.cloudflare.com/r2/reference/unicode-interoperability/). Two keys with the same
/// form name the same object, although listings show the key of the last upload. Borrows if the key already
/// has this form.
///
/// If the start of a key says whose object it is, refuse ids that are not in this form. They would give
/// access to another user's folder.
///
/// ```
/// use cloudflare_clients::r2::normalize_key;
///
/// assert_eq!(normalize_key("cre\u{301}ateur/a"), "cr\u{e9}ateur/a");
/// ```
pub fn normalize_key(key: &str) -> Cow<'_, str> {
    if key.is_ascii() {
        return Cow::Borrowed(key);
    }
    let normalized = nfc(key);
    if normalized == key { Cow::Borrowed(key) } else { Cow::Owned(normalized) }
}

#[cfg(not(all(feature = "workers", target_arch = "wasm32")))]
fn nfc(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization as _;

    text.nfc().collect()
}

/// Uses JavaScript's normalization: Unicode tables would be a third of a Worker.
#[cfg(all(feature = "workers", target_arch = "wasm32"))]
fn nfc(text: &str) -> String {
    worker::js_sys::JsString::from(text).normalize("NFC").into()
}
