//! Checks of secrets, and of values that may contain one by mistake.

use crate::error::{Error, Result};

/// Refuses a value that cannot be a key, token or secret. The error never contains the value.
pub(crate) fn validate_secret(what: &str, value: &str) -> Result<()> {
    if value.is_empty() {
        return Err(Error::invalid_input(format!("the credentials cannot be used: the {what} is empty")));
    }
    if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::invalid_input(format!(
            "the credentials cannot be used: the {what} has white space or non-ASCII characters: copy it \
             again, whole and without a line break"
        )));
    }
    Ok(())
}

/// Whether a value for another field may be a secret pasted by mistake, so that errors must not show it: it
/// is longer than account ids and key ids.
pub(crate) fn may_be_secret(value: &str) -> bool {
    value.len() > 32
}
