//! The form of secrets, and of what goes along with them.

use crate::error::{Error, Result};

/// Refuses what no key, token or secret is. The value itself never reaches the error.
pub(crate) fn validate_secret(what: &str, value: &str) -> Result<()> {
    if value.is_empty() {
        return Err(Error::invalid_input(format!("the credentials cannot be used: the {what} is empty")));
    }
    if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::invalid_input(format!(
            "the credentials cannot be used: the {what} has white space or characters outside of ASCII: was it copied \
             whole, and without a line break?"
        )));
    }
    Ok(())
}

/// Whether a value that was given for something else may be a secret in the wrong place, which no error may show: it is
/// longer than the ids of accounts and keys.
pub(crate) fn may_be_secret(value: &str) -> bool {
    value.len() > 32
}
