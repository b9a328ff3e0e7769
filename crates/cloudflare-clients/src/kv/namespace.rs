//! What a backend does: one attempt of each operation.

use std::fmt;

use async_trait::async_trait;

use crate::body::Body;
use crate::error::{Error, Result};
use crate::model::kv::{GetManyRequest, GetRequest, ListPage, ListRequest, PutRequest, ValueWithMetadata};

/// A namespace of Workers KV as one of the backends reaches it.
///
/// Each operation is exactly one attempt and returns only what the service said: retries live in
/// [`KvClient`](super::KvClient), which calls these and has checked what it gives. All of them default to
/// [`ErrorKind::Unsupported`](crate::ErrorKind), so that a mock implements what its test needs.
///
/// A missing key is `None`; a missing namespace is an error.
///
/// ```
/// use cloudflare_clients::Result;
/// use cloudflare_clients::kv::{GetRequest, KvClient, Namespace};
/// use cloudflare_clients::r2::Body;
///
/// /// Every key holds its own name.
/// #[derive(Debug)]
/// struct Echo;
///
/// #[cloudflare_clients::async_trait]
/// impl Namespace for Echo {
///     async fn get(&self, request: GetRequest) -> Result<Option<Body>> {
///         Ok(Some(request.key.into()))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
/// let kv = KvClient::new(Echo);
/// assert_eq!(kv.get("k").text().await?.as_deref(), Some("k"));
/// # Ok(()) }
/// ```
#[async_trait]
pub trait Namespace: fmt::Debug + Send + Sync + 'static {
    /// A value.
    async fn get(&self, request: GetRequest) -> Result<Option<Body>> {
        let _ = request;
        Err(unsupported("get"))
    }

    /// A value and what is kept beside it.
    async fn get_with_metadata(&self, request: GetRequest) -> Result<Option<ValueWithMetadata<Body>>> {
        let _ = request;
        Err(unsupported("getWithMetadata"))
    }

    /// 1 to 100 values as text, in the order of the keys.
    async fn get_many(
        &self,
        request: GetManyRequest,
    ) -> Result<Vec<Result<Option<ValueWithMetadata<String>>>>> {
        let _ = request;
        Err(unsupported("get of many keys"))
    }

    /// Stores a value in place of the key's value, metadata and expiry. Only a stream that passes by a Worker's memory may be of
    /// unknown length.
    async fn put(&self, request: PutRequest) -> Result<()> {
        let _ = request;
        Err(unsupported("put"))
    }

    /// Deletes a key. A missing key is not an error.
    async fn delete(&self, key: &str) -> Result<()> {
        let _ = key;
        Err(unsupported("delete"))
    }

    /// Stores up to 10,000 values, which are in memory, and says of each, in the order of `requests`, whether that worked.
    async fn put_many(&self, requests: Vec<PutRequest>) -> Result<Vec<Result<()>>> {
        let _ = requests;
        Err(unsupported("put of many keys"))
    }

    /// Deletes up to 10,000 keys and says of each, in the order of `keys`, whether that worked.
    async fn delete_many(&self, keys: &[String]) -> Result<Vec<Result<()>>> {
        let _ = keys;
        Err(unsupported("delete of many keys"))
    }

    /// One page of a listing, in the order of the keys' bytes.
    async fn list(&self, request: ListRequest) -> Result<ListPage> {
        let _ = request;
        Err(unsupported("list"))
    }

    /// Whether there are [`put_many`](Self::put_many) and [`delete_many`](Self::delete_many). Otherwise
    /// [`KvClient`](super::KvClient) writes and deletes key by key.
    fn has_bulk_writes(&self) -> bool {
        false
    }
}

fn unsupported(operation: &'static str) -> Error {
    Error::unsupported(format!("this backend has no {operation}"))
}
