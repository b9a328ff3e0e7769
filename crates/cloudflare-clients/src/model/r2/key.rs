//! The keys of objects.

use std::borrow::Cow;

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

/// The form by which R2 tells keys apart, which is
/// [NFC](https://developers.cloudflare.com/r2/reference/unicode-interoperability/): two keys with the same one are one
/// object, though listings show the key as it was uploaded last. Borrowed where the key has it already.
///
/// Where the beginning of a key says whose the object is, refuse ids that are not in this form: they reach into the
/// folder of somebody else.
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

/// By JavaScript: tables of Unicode would be a third of a Worker.
#[cfg(all(feature = "workers", target_arch = "wasm32"))]
fn nfc(text: &str) -> String {
    worker::js_sys::JsString::from(text).normalize("NFC").into()
}
