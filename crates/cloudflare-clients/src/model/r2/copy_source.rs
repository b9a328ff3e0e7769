//! The source of a copy.

use super::bucket_name::validate_bucket_name;
use super::key::validate_key;
use crate::error::Result;

/// Checks the bucket and key of a copy's source.
pub(super) fn validate_copy_source(bucket: Option<&str>, key: &str) -> Result<()> {
    let bucket = bucket.map_or(Ok(()), validate_bucket_name);
    bucket.and_then(|()| validate_key(key)).map_err(|error| error.explain("the source of the copy"))
}
