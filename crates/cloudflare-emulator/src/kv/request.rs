//! Authenticated requests.

use bytes::BytesMut;
use cloudflare_clients::kv::rest::error_code::{INVALID_REQUEST, MALFORMED_VALUE, TOO_LARGE, UNAVAILABLE};
use cloudflare_clients::kv::{MAX_BULK_BYTES, MAX_BULK_WRITES};
use http::HeaderMap;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::error::KvError;
use super::json_list;
use super::limits::too_many_writes;
use super::operation::KvResource;
use crate::body::RequestBody;
use crate::memory::Taken;
use crate::uri::Query;

/// Maximum size of a JSON body other than a bulk write, in bytes. A hundred keys with every byte escaped need
/// a third of it.
const MAX_DOCUMENT: usize = 1 << 20;
/// Number of bytes of memory that a body reserves at a time, more than the size of a piece.
const MEMORY_AT_ONCE: usize = 1 << 20;

/// A body in memory.
struct Document {
    bytes: BytesMut,
    _memory: Vec<Taken>,
}

fn not_json(error: &serde_json::Error) -> KvError {
    KvError::new(MALFORMED_VALUE, format!("cannot read the body as JSON: {error}"))
}

/// An authenticated request.
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

    /// Reads a JSON body of up to 1 MiB.
    pub(super) async fn json<T: DeserializeOwned>(&self) -> Result<T, KvError> {
        let document = self.document(MAX_DOCUMENT).await?;
        serde_json::from_slice(&document.bytes).map_err(|error| not_json(&error))
    }

    /// Reads the JSON list of a bulk write, up to 100 MB, with the maximum number of entries.
    pub(super) async fn writes<T: DeserializeOwned>(&self) -> Result<Vec<T>, KvError> {
        let document = self.document(MAX_BULK_BYTES).await?;
        let writes = json_list::parse(&document.bytes, MAX_BULK_WRITES).map_err(|error| not_json(&error))?;
        writes.ok_or_else(too_many_writes)
    }

    async fn document(&self, limit: usize) -> Result<Document, KvError> {
        let mut reading = self.body.read();
        let (mut bytes, mut memory) = (BytesMut::new(), Vec::new());
        while let Some(piece) = reading.next().await? {
            if bytes.len() + piece.len() > limit {
                return Err(TOO_LARGE.into());
            }
            if bytes.len() + piece.len() > memory.len() * MEMORY_AT_ONCE {
                memory.push(self.body.take_memory(MEMORY_AT_ONCE as u64).ok_or(UNAVAILABLE)?);
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(Document { bytes, _memory: memory })
    }

    /// Returns a number from the query.
    pub(super) fn number(&self, name: &str) -> Option<Result<u64, String>> {
        self.query.get(name).map(|text| text.trim().parse().map_err(|_| text.to_owned()))
    }
}
