//! R2's [limits](https://developers.cloudflare.com/r2/platform/limits/).

use super::error_code::{ENTITY_TOO_LARGE, INVALID_MAX_KEYS};
use crate::error::{Error, Result};

/// Maximum size of an object, in bytes: 5 TiB minus 5 GiB, as a multipart upload.
pub const MAX_OBJECT_SIZE: u64 = 5 * 1024 * GIB - 5 * GIB;

/// Maximum size of the body of one upload request, in bytes: 5 GiB minus 5 MiB. Larger objects need a
/// multipart upload.
pub const MAX_SINGLE_UPLOAD: u64 = 5 * GIB - 5 * MIB;

/// Maximum number of parts in a multipart upload.
pub const MAX_PARTS: u16 = 10_000;

/// Minimum size of a part that is not the last, in bytes: 5 MiB.
pub const MIN_PART_SIZE: u64 = 5 * MIB;

/// Maximum total size of the names and values in an object's custom metadata, in bytes.
pub const MAX_CUSTOM_METADATA: usize = 8192;

/// Maximum number of keys in one delete request.
pub const MAX_DELETES: usize = 1000;

const MIB: u64 = 1024 * 1024;
const GIB: u64 = 1024 * MIB;

/// Refuses a body that is too large for one request.
pub(crate) fn validate_upload_size(bytes: u64) -> Result<()> {
    if bytes <= MAX_SINGLE_UPLOAD {
        return Ok(());
    }
    Err(Error::invalid_input(format!(
        "the body is larger than {MAX_SINGLE_UPLOAD} bytes, the maximum for one request: upload it in parts with \
         `create_multipart_upload`"
    ))
    .with_code(ENTITY_TOO_LARGE.name))
}

/// Checks the size of a page of objects, parts or uploads.
pub(crate) fn validate_page_size(size: Option<u32>) -> Result<()> {
    match size {
        Some(size @ (0 | 1001..)) => {
            Err(Error::invalid_input(format!("the page size is {size}: it must be 1 to 1,000"))
                .with_code(INVALID_MAX_KEYS.name))
        }
        _ => Ok(()),
    }
}

/// Refuses more keys than one delete request accepts.
#[cfg(any(
    all(feature = "workers", target_arch = "wasm32"),
    all(any(feature = "http", feature = "local"), not(target_arch = "wasm32"))
))]
pub(crate) fn validate_delete_count(keys: usize) -> Result<()> {
    if keys <= MAX_DELETES {
        return Ok(());
    }
    Err(Error::invalid_input(format!("the request deletes {keys} keys: the maximum is {MAX_DELETES}")))
}
