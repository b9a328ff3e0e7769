//! R2's [limits](https://developers.cloudflare.com/r2/platform/limits/).

use super::error_code::{ENTITY_TOO_LARGE, INVALID_MAX_KEYS};
use crate::error::{Error, Result};

/// The most bytes of an object: 5 TiB less 5 GiB, by an upload in parts.
pub const MAX_OBJECT_SIZE: u64 = 5 * 1024 * GIB - 5 * GIB;

/// The most bytes that one request uploads: 5 GiB less 5 MiB. Larger objects go up in parts.
pub const MAX_SINGLE_UPLOAD: u64 = 5 * GIB - 5 * MIB;

/// How many parts an upload has at most.
pub const MAX_PARTS: u16 = 10_000;

/// The fewest bytes of a part that is not the last: 5 MiB.
pub const MIN_PART_SIZE: u64 = 5 * MIB;

/// The most bytes that the names and values of an object's custom metadata have together.
pub const MAX_CUSTOM_METADATA: usize = 8192;

/// The most keys of one request that deletes.
pub const MAX_DELETES: usize = 1000;

const MIB: u64 = 1024 * 1024;
const GIB: u64 = 1024 * MIB;

/// Refuses what one request cannot upload.
pub(crate) fn validate_upload_size(bytes: u64) -> Result<()> {
    if bytes <= MAX_SINGLE_UPLOAD {
        return Ok(());
    }
    Err(Error::invalid_input(format!(
        "the body has more than {MAX_SINGLE_UPLOAD} bytes, the most of one request: upload it in parts with \
         `create_multipart_upload`"
    ))
    .with_code(ENTITY_TOO_LARGE.name))
}

/// Refuses what R2 does not take as the size of a page of objects, parts or uploads.
pub(crate) fn validate_page_size(size: Option<u32>) -> Result<()> {
    match size {
        Some(size @ (0 | 1001..)) => {
            Err(Error::invalid_input(format!("the page size {size} is not within 1 to 1,000"))
                .with_code(INVALID_MAX_KEYS.name))
        }
        _ => Ok(()),
    }
}

/// Refuses to delete more at once than R2 takes.
#[cfg(any(
    all(feature = "workers", target_arch = "wasm32"),
    all(any(feature = "http", feature = "local"), not(target_arch = "wasm32"))
))]
pub(crate) fn validate_delete_count(keys: usize) -> Result<()> {
    if keys <= MAX_DELETES {
        return Ok(());
    }
    Err(Error::invalid_input(format!("{keys} keys are to be deleted: one request takes {MAX_DELETES}")))
}
