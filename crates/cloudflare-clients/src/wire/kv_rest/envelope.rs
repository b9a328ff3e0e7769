//! The envelope of every answer except a value.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::{Error, Result};
use crate::model::kv::error_code::ErrorCode;

/// The [envelope](https://developers.cloudflare.com/fundamentals/api/how-to/make-api-calls/) of Cloudflare's
/// API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope<T> {
    /// Whether the request succeeded.
    pub success: bool,
    /// The errors of a failed request.
    #[serde(default, deserialize_with = "or_none")]
    pub errors: Vec<Message>,
    /// Further messages.
    #[serde(default, deserialize_with = "or_none")]
    pub messages: Vec<Message>,
    /// The requested result.
    pub result: Option<T>,
    /// Paging information of a listing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_info: Option<ResultInfo>,
}

/// An error or a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Number of the error: see [`error_code`](super::error_code).
    pub code: u32,
    /// Human-readable text.
    pub message: String,
}

/// Paging information of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultInfo {
    /// Number of entries on this page.
    #[serde(default)]
    pub count: u64,
    /// For keys: cursor of the next page. Empty on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// For namespaces: number of this page, starting at 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u64>,
    /// For namespaces: number of entries per page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_page: Option<u64>,
    /// For namespaces: total number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_count: Option<u64>,
}

/// Reads `null` as an empty list.
fn or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Message>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl<T> Envelope<T> {
    /// Creates the envelope of a success.
    pub fn success(result: T) -> Self {
        Self {
            success: true,
            errors: Vec::new(),
            messages: Vec::new(),
            result: Some(result),
            result_info: None,
        }
    }

    /// Creates the envelope of a failure.
    pub fn failure(code: &ErrorCode, message: impl Into<String>) -> Self {
        let error = Message { code: code.number, message: message.into() };
        Self { success: false, errors: vec![error], messages: Vec::new(), result: None, result_info: None }
    }
}

impl<T: DeserializeOwned> Envelope<T> {
    /// Parses the body of a success.
    ///
    /// # Errors
    /// [`ErrorKind::UnexpectedResponse`](crate::ErrorKind) if it is not one.
    pub fn parse(body: &[u8]) -> Result<Self> {
        let envelope: Self = serde_json::from_slice(body).map_err(|error| {
            Error::unexpected(format!("could not parse the answer: {error}")).with_source(error)
        })?;
        if envelope.success {
            return Ok(envelope);
        }
        let said = said(&envelope.errors).unwrap_or_else(|| "it gives no reason".to_owned());
        Err(Error::unexpected(format!("the answer has status 200, but reports a failure: {said}")))
    }

    /// Parses the result of a success.
    ///
    /// # Errors
    /// [`ErrorKind::UnexpectedResponse`](crate::ErrorKind) if there is no result.
    pub(super) fn result(body: &[u8]) -> Result<T> {
        Self::parse(body)?.result.ok_or_else(|| Error::unexpected("the answer has no result"))
    }
}

/// All errors in one line.
pub(super) fn said(errors: &[Message]) -> Option<String> {
    let said: Vec<_> =
        errors.iter().map(|error| error.message.trim()).filter(|message| !message.is_empty()).collect();
    (!said.is_empty()).then(|| said.join("; "))
}
