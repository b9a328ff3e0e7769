//! KV's limits, with its messages.

use cloudflare_clients::kv::rest::error_code::{
    ILLEGAL_KEY, INVALID_METADATA, INVALID_REQUEST, KEY_TOO_LONG, TOO_LARGE,
};
use cloudflare_clients::kv::{MAX_BULK_WRITES, MAX_KEY_SIZE, MAX_METADATA_SIZE, MAX_VALUE_SIZE, Metadata};
use http::StatusCode;

use super::error::KvError;

/// Refuses a key that KV does not accept.
pub(super) fn check_key(key: &str) -> Result<(), KvError> {
    match key.len() {
        0 => Err(KvError::new(ILLEGAL_KEY, "Key names cannot be empty.")),
        _ if key == "." || key == ".." => {
            Err(KvError::new(ILLEGAL_KEY, format!("\"{key}\" is not allowed as a key name.")))
        }
        1..=MAX_KEY_SIZE => Ok(()),
        length => Err(KvError::new(
            KEY_TOO_LONG,
            format!("UTF-8 encoded length of {length} exceeds key length limit of {MAX_KEY_SIZE}."),
        )),
    }
}

pub(super) fn check_value_size(length: u64) -> Result<(), KvError> {
    if length <= MAX_VALUE_SIZE {
        return Ok(());
    }
    Err(KvError::new(TOO_LARGE, format!("Value length of {length} exceeds limit of {MAX_VALUE_SIZE}.")))
}

pub(super) fn check_metadata(metadata: Option<Metadata>) -> Result<Option<Metadata>, KvError> {
    let metadata = metadata.and_then(Metadata::unless_null);
    match metadata.as_ref().map_or(0, |metadata| metadata.as_str().len()) {
        0..=MAX_METADATA_SIZE => Ok(metadata),
        length => Err(KvError::new(
            INVALID_METADATA,
            format!("Metadata length of {length} exceeds limit of {MAX_METADATA_SIZE}."),
        )
        .with_status(StatusCode::PAYLOAD_TOO_LARGE)),
    }
}

/// Returns the error for more keys than one request can write.
pub(super) fn too_many_writes() -> KvError {
    KvError::new(INVALID_REQUEST, format!("too many keys: the maximum is {MAX_BULK_WRITES}"))
}
