//! The stored form of a session.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

/// The JSON that is stored under a token's hash.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored<T> {
    pub(super) user: String,
    /// Milliseconds since 1970.
    pub(super) created: u64,
    pub(super) data: T,
}

/// The user of a stored session, without its data.
#[derive(Deserialize)]
pub(super) struct Owner {
    pub(super) user: String,
}

/// Everything that is stored of a session. Times are milliseconds since 1970.
#[derive(Debug, Clone)]
pub(super) struct Record {
    /// A [`Stored`] as JSON.
    pub(super) data: String,
    /// The last recorded use of a sliding session.
    pub(super) used: Option<u64>,
    /// The time from which sessions of the user are valid, if the user was ever logged out everywhere.
    pub(super) good_since: Option<u64>,
    /// The key of `good_since`.
    pub(super) user_key: String,
}

/// Deserializes the data stored under a key.
pub(super) fn parse<T: DeserializeOwned>(data: &str, key: &str) -> Result<T> {
    serde_json::from_str(data).map_err(|error| {
        let message = format!("the stored session does not match the expected type: {error}");
        Error::new(ErrorKind::Serialization, message).with_source(error).during("get", Some(key))
    })
}

/// Parses a stored time.
pub(super) fn millis(text: &str, key: &str) -> Result<u64> {
    text.parse().map_err(|error| {
        let message = format!("{text:?} is not a time in milliseconds: {error}");
        Error::new(ErrorKind::Serialization, message).during("get", Some(key))
    })
}
