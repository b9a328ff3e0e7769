//! What is stored of a session.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

/// What is stored under a token's hash.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored<T> {
    pub(super) user: String,
    /// In milliseconds since 1970.
    pub(super) created: u64,
    pub(super) data: T,
}

/// The user of what is stored.
#[derive(Deserialize)]
pub(super) struct Owner {
    pub(super) user: String,
}

/// All that is stored of a session, as it was read. Times are milliseconds since 1970.
#[derive(Debug, Clone)]
pub(super) struct Record {
    /// A [`Stored`] as JSON.
    pub(super) data: String,
    /// When its use was last written down, of one that slides.
    pub(super) used: Option<u64>,
    /// Since when sessions of its user are good, where he was ever logged out.
    pub(super) good_since: Option<u64>,
    /// The key that says so.
    pub(super) user_key: String,
}

/// Reads what is stored under a key.
pub(super) fn parse<T: DeserializeOwned>(data: &str, key: &str) -> Result<T> {
    serde_json::from_str(data).map_err(|error| {
        let message = format!("the session is not of the expected type: {error}");
        Error::new(ErrorKind::Serialization, message).with_source(error).during("get", Some(key))
    })
}

/// A stored time.
pub(super) fn millis(text: &str, key: &str) -> Result<u64> {
    text.parse().map_err(|error| {
        let message = format!("{text:?} is no time in milliseconds: {error}");
        Error::new(ErrorKind::Serialization, message).during("get", Some(key))
    })
}
