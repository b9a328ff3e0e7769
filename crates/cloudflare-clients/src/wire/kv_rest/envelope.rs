//! What every answer is in, but for a value.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::{Error, Result};
use crate::model::kv::error_code::ErrorCode;

/// The [envelope](https://developers.cloudflare.com/fundamentals/api/how-to/make-api-calls/) of Cloudflare's API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope<T> {
    /// Whether it worked.
    pub success: bool,
    /// Why it did not.
    #[serde(default, deserialize_with = "or_none")]
    pub errors: Vec<Message>,
    /// What else there is to say.
    #[serde(default, deserialize_with = "or_none")]
    pub messages: Vec<Message>,
    /// What was asked for.
    pub result: Option<T>,
    /// Where the next page of a listing begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_info: Option<ResultInfo>,
}

/// An error or a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its number: see [`error_code`](super::error_code).
    pub code: u32,
    /// What it says.
    pub message: String,
}

/// Where a listing is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultInfo {
    /// How many entries this page has.
    #[serde(default)]
    pub count: u64,
    /// Of keys: where the next page begins. Empty on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Of namespaces: the number of this page, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u64>,
    /// Of namespaces: how many a page has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_page: Option<u64>,
    /// Of namespaces: how many there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_count: Option<u64>,
}

/// `null` in place of a list is an empty one.
fn or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Message>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl<T> Envelope<T> {
    /// The answer with a result.
    pub fn success(result: T) -> Self {
        Self {
            success: true,
            errors: Vec::new(),
            messages: Vec::new(),
            result: Some(result),
            result_info: None,
        }
    }

    /// The answer of a failure.
    pub fn failure(code: &ErrorCode, message: impl Into<String>) -> Self {
        let error = Message { code: code.number, message: message.into() };
        Self { success: false, errors: vec![error], messages: Vec::new(), result: None, result_info: None }
    }
}

impl<T: DeserializeOwned> Envelope<T> {
    /// Reads the body of a success.
    ///
    /// # Errors
    /// [`ErrorKind::UnexpectedResponse`](crate::ErrorKind): it is none.
    pub fn parse(body: &[u8]) -> Result<Self> {
        let envelope: Self = serde_json::from_slice(body).map_err(|error| {
            Error::unexpected(format!("the answer cannot be read: {error}")).with_source(error)
        })?;
        if envelope.success {
            return Ok(envelope);
        }
        let said = said(&envelope.errors).unwrap_or_else(|| "it does not say why".to_owned());
        Err(Error::unexpected(format!("the answer is 200 and no success: {said}")))
    }

    /// The result of a success.
    ///
    /// # Errors
    /// [`ErrorKind::UnexpectedResponse`](crate::ErrorKind): there is none.
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
