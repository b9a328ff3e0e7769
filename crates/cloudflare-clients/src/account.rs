//! Cloudflare's accounts.

use crate::error::{Error, Result};

/// Checks the form of a Cloudflare account id: 32 lower-case hexadecimal characters.
///
/// # Errors
/// It has another form.
pub fn validate_account_id(account_id: &str) -> Result<()> {
    if account_id.len() == 32 && account_id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Ok(());
    }
    Err(Error::invalid_input(format!(
        "{account_id:?} ({} characters) is not an account id: it has 32 characters of 0-9 and a-f. Cloudflare's \
         dashboard shows it",
        account_id.chars().count()
    )))
}
