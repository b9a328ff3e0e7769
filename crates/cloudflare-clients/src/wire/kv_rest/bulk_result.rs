//! What became of the keys of a bulk write or deletion.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::envelope::Envelope;
use crate::error::{Error, ErrorKind, Result};

/// The result of a bulk write or deletion.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkResult {
    /// How many keys it worked for.
    #[serde(default)]
    pub successful_key_count: u64,
    /// The keys that it did not work for, to be sent again.
    #[serde(default)]
    pub unsuccessful_keys: Vec<String>,
}

/// What became of each of the keys. Those that the answer names can be sent again.
pub(super) fn outcomes<'k>(keys: impl IntoIterator<Item = &'k str>, body: &[u8]) -> Result<Vec<Result<()>>> {
    // An older form of the answer has no result where all went well.
    let result = Envelope::<BulkResult>::parse(body)?.result.unwrap_or_default();
    let failed: HashSet<&str> = result.unsuccessful_keys.iter().map(String::as_str).collect();
    let outcome = |key| {
        if failed.contains(key) {
            return Err(Error::new(
                ErrorKind::Server,
                "KV did not do this for the key, and asks to try it again",
            ));
        }
        Ok(())
    };
    Ok(keys.into_iter().map(outcome).collect())
}
