//! The outcomes of a bulk write or deletion.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::envelope::Envelope;
use crate::error::{Error, ErrorKind, Result};

/// The result of a bulk write or deletion.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkResult {
    /// Number of keys that succeeded, if the answer contains it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successful_key_count: Option<u64>,
    /// The keys that failed and can be sent again.
    #[serde(default)]
    pub unsuccessful_keys: Vec<String>,
}

/// Returns the outcome for each key. Keys that the answer lists can be sent again. If the counts do not match
/// the keys, all can be sent again.
pub(super) fn outcomes<'k>(keys: impl IntoIterator<Item = &'k str>, body: &[u8]) -> Result<Vec<Result<()>>> {
    // An older form of the answer has no result if all keys succeeded.
    let result = Envelope::<BulkResult>::parse(body)?.result.unwrap_or_default();
    let failed: HashSet<&str> = result.unsuccessful_keys.iter().map(String::as_str).collect();
    let keys: Vec<&str> = keys.into_iter().collect();
    if let Some(count) = result.successful_key_count {
        // A key that was sent twice may count once, and may have failed once.
        let least = keys.iter().filter(|key| !failed.contains(*key)).collect::<HashSet<_>>().len();
        let most = keys.len().saturating_sub(failed.len());
        if count < least as u64 || count > most as u64 {
            let message = format!(
                "the answer counts {count} keys that succeeded and lists {} that failed, but {} were sent",
                failed.len(),
                keys.len()
            );
            return Err(Error::unexpected(message).retryable(true));
        }
    }
    let outcome = |key| {
        if failed.contains(key) {
            return Err(Error::new(
                ErrorKind::Server,
                "KV did not process the key, and asks to send it again",
            ));
        }
        Ok(())
    };
    Ok(keys.into_iter().map(outcome).collect())
}
