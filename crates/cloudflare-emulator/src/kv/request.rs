//! A request whose token is accepted.

use bytes::{Bytes, BytesMut};
use cloudflare_clients::kv::MAX_BULK_BYTES;
use cloudflare_clients::kv::rest::error_code::{INVALID_REQUEST, MALFORMED_VALUE, TOO_LARGE};
use http::HeaderMap;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::error::KvError;
use super::operation::KvResource;
use crate::body::RequestBody;
use crate::uri::Query;

/// A request whose token is accepted.
pub(super) struct KvRequest {
    /// Empty for operations on the account.
    pub(super) namespace_id: String,
    /// Empty for operations on a namespace.
    pub(super) key: String,
    pub(super) query: Query,
    pub(super) headers: HeaderMap,
    pub(super) body: RequestBody,
}

impl KvRequest {
    pub(super) fn new(resource: KvResource, parts: Parts, body: RequestBody) -> Result<Self, KvError> {
        let KvResource { namespace_id, key, .. } = resource;
        let query = Query::parse(parts.uri.query().unwrap_or_default())
            .map_err(|_| KvError::new(INVALID_REQUEST, "the query is not encoded UTF-8"))?;
        Ok(Self { namespace_id, key, query, headers: parts.headers, body })
    }

    /// The JSON of a body of 100 MB at most.
    pub(super) async fn json<T: DeserializeOwned>(&self) -> Result<T, KvError> {
        let document = self.document(MAX_BULK_BYTES).await?;
        serde_json::from_slice(&document).map_err(|error| {
            KvError::new(MALFORMED_VALUE, format!("the body cannot be read as JSON: {error}"))
        })
    }

    async fn document(&self, limit: usize) -> Result<Bytes, KvError> {
        let mut reading = self.body.read();
        let mut document = BytesMut::new();
        while let Some(piece) = reading.next().await? {
            if document.len() + piece.len() > limit {
                return Err(TOO_LARGE.into());
            }
            document.extend_from_slice(&piece);
        }
        Ok(document.freeze())
    }

    /// A number of the query.
    pub(super) fn number(&self, name: &str) -> Option<Result<u64, String>> {
        self.query.get(name).map(|text| text.trim().parse().map_err(|_| text.to_owned()))
    }
}
