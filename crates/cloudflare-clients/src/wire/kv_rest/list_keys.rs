//! [GET
//! .../keys](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/subresources/keys/methods/list/):
//! returns a page of keys.

use http::Method;
use serde::{Deserialize, Serialize};

use super::envelope::Envelope;
use super::request::Request;
use crate::error::{Error, Result};
use crate::model::kv::{ListPage, ListRequest, ListedKey, Metadata};
use crate::time::{from_seconds, to_seconds};

/// An entry of the result: a key without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyJson {
    /// Name of the key.
    pub name: String,
    /// Expiration, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration: Option<u64>,
    /// The metadata of the key, if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

impl From<ListedKey> for KeyJson {
    fn from(key: ListedKey) -> Self {
        let ListedKey { name, expiration, metadata } = key;
        Self { name, expiration: expiration.map(to_seconds), metadata }
    }
}

/// Writes the request.
pub fn request(list: &ListRequest) -> Request {
    let prefix = Some(list.prefix.as_str()).filter(|prefix| !prefix.is_empty());
    Request::new(Method::GET, "/keys")
        .query_if_some("limit", list.limit)
        .query_if_some("prefix", prefix)
        .query_if_some("cursor", list.cursor.as_deref())
}

/// Parses the answer. A page without a cursor is the last one.
///
/// # Errors
/// [`ErrorKind::UnexpectedResponse`](crate::ErrorKind) if the answer cannot be parsed.
pub fn parse(body: &[u8]) -> Result<ListPage> {
    let envelope: Envelope<Vec<KeyJson>> = Envelope::parse(body)?;
    let keys = envelope.result.ok_or_else(|| Error::unexpected("the answer has no result"))?.into_iter().map(
        |key| ListedKey {
            name: key.name,
            expiration: key.expiration.and_then(from_seconds),
            metadata: key.metadata,
        },
    );
    let cursor = envelope.result_info.and_then(|info| info.cursor).filter(|cursor| !cursor.is_empty());
    Ok(ListPage { keys: keys.collect(), list_complete: cursor.is_none(), cursor })
}
