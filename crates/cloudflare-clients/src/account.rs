//! Cloudflare account ids.

use crate::error::{Error, Result};
use crate::secret::may_be_secret;

/// The maximum length of a host name's label, in bytes.
const LONGEST: usize = 63;

/// Checks that an account id can be part of a host name and a path: 1 to 63 of the characters `a-z`, `0-9`
/// and `-`, without `-` at the start or end.
///
/// Cloudflare's own ids are 32 characters of 0-9 and a-f, but whether the account exists is not checked.
/// Upper case is refused rather than lowered, because the signed host would differ from the caller's.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind): the id has another form.
pub fn validate_account_id(account_id: &str) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=LONGEST).contains(&account_id.len())
        && account_id.bytes().all(allowed)
        && !account_id.starts_with('-')
        && !account_id.ends_with('-')
    {
        return Ok(());
    }
    let shown = if may_be_secret(account_id) { String::new() } else { format!("{account_id:?} ") };
    Err(Error::invalid_input(format!(
        "{shown}({} characters) is not an account id: an account id has 1 to {LONGEST} of the characters a-z, 0-9 and -, and \
         does not start or end with -. Copy it from Cloudflare's dashboard",
        account_id.chars().count()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_part_of_a_host_name_is_left_to_cloudflare() {
        for id in ["0123456789abcdef0123456789abcdef", "abc123def456", "a", "a-b", &"a".repeat(63)] {
            validate_account_id(id).unwrap();
        }
        for id in ["", "ABCDEF", "a.b", "a/b", "a b", "a\n", "a@b", "a:b", "a_b", "é", "-a", "a-"] {
            let error = validate_account_id(id).unwrap_err();
            let message = format!("{id:?} ({} characters) is not an account id", id.chars().count());
            assert!(error.message().starts_with(&message), "{error}");
        }
        let error = validate_account_id(&"0".repeat(64)).unwrap_err();
        assert!(error.message().starts_with("(64 characters) is not an account id"), "{error}");
    }
}
