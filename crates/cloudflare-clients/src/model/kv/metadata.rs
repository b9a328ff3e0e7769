//! The metadata of a key.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::json;

/// The [metadata](https://developers.cloudflare.com/kv/api/write-key-value-pairs/#metadata) of a key: JSON of
/// up to 1,024 bytes. Listings return it with the key.
///
/// ```
/// use cloudflare_clients::kv::Metadata;
///
/// let metadata = Metadata::new(&[1, 2])?;
/// assert_eq!(metadata.as_str(), "[1,2]");
/// assert_eq!(metadata.json::<Vec<u32>>()?, [1, 2]);
/// # Ok::<_, cloudflare_clients::Error>(())
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(Box<RawValue>);

impl Metadata {
    /// Serializes a value as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`](crate::ErrorKind): the value cannot be serialized.
    pub fn new<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        json::to_raw_value("the metadata", value).map(Self)
    }

    /// Takes text that is already JSON.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the text is not JSON.
    pub fn from_json(text: impl Into<String>) -> Result<Self> {
        RawValue::from_string(text.into()).map(Self).map_err(|error| {
            Error::invalid_input(format!("the metadata is not JSON: {error}")).with_source(error)
        })
    }

    /// Returns the JSON text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Deserializes the metadata.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`](crate::ErrorKind): the JSON does not match the type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        json::from_slice("the metadata", self.as_str().as_bytes())
    }

    /// Returns `None` if the metadata is `null`, which KV treats as no metadata.
    #[must_use]
    pub fn unless_null(self) -> Option<Self> {
        (self.as_str().trim() != "null").then_some(self)
    }
}

impl PartialEq for Metadata {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Metadata {}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metadata({})", self.as_str())
    }
}
