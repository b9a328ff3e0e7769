//! Bucket names.

use super::error_code::INVALID_BUCKET_NAME;
use crate::error::{Error, Result};
use crate::secret::may_be_secret;

/// Checks a bucket name by [R2's rules](https://developers.cloudflare.com/r2/buckets/create-buckets/): 3 to
/// 63 of the characters `a-z`, `0-9` and `-`, without `-` at the start or end.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind): the name breaks the rules.
pub fn validate_bucket_name(name: &str) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (3..=63).contains(&name.len())
        && name.bytes().all(allowed)
        && !name.starts_with('-')
        && !name.ends_with('-')
    {
        return Ok(());
    }
    let shown = if may_be_secret(name) { "the value".to_owned() } else { format!("{name:?}") };
    Err(Error::invalid_input(format!(
        "{shown} is not a bucket name: a bucket name has 3 to 63 of the characters a-z, 0-9 and -, and does not start or end with -"
    ))
    .with_code(INVALID_BUCKET_NAME.name))
}
