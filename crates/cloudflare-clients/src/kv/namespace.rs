//! The interface of a backend to one namespace: one attempt per operation.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt as _};

use super::account::{Account, one_namespace_alone};
use crate::body::Body;
use crate::error::Result;
use crate::model::kv::{
    DeleteManyRequest, DeleteRequest, GetManyRequest, GetRequest, ListPage, ListRequest, PutManyRequest,
    PutRequest, ValueWithMetadata,
};
use crate::runtime::Runtime;

/// How many keys are written or deleted concurrently by a backend without bulk operations.
const CONCURRENT_WRITES: usize = 8;

/// A Workers KV namespace, as one backend reaches it.
///
/// Each operation makes exactly one attempt and returns what the service answered.
/// [`KvClient`](super::KvClient) calls these methods, validates their arguments first, and retries. A missing
/// key is `None`; a missing namespace is an error. An operation that a backend does not support is
/// [`ErrorKind::Unsupported`](crate::ErrorKind).
///
/// A namespace that wraps another one has to implement every required method, so it cannot miss one. Without
/// `put_many` and `delete_many` it writes and deletes the keys one by one. In tests use
/// `testing::MockNamespace` (feature `testing`), which takes one line per operation that it answers.
///
/// ```
/// use std::sync::Arc;
///
/// use cloudflare_clients::kv::*;
/// use cloudflare_clients::{Body, Error, ErrorKind, LocalNamespace, Result, Runtime, async_trait};
///
/// /// A namespace that rejects writes.
/// #[derive(Debug)]
/// struct ReadOnly<N>(N);
///
/// fn refused<T>() -> Result<T> {
///     Err(Error::new(ErrorKind::Forbidden, "the namespace is read-only"))
/// }
///
/// #[async_trait]
/// impl<N: Namespace> Namespace for ReadOnly<N> {
///     async fn get(&self, request: GetRequest) -> Result<Option<Body>> {
///         self.0.get(request).await
///     }
///
///     async fn get_with_metadata(&self, request: GetRequest) -> Result<Option<ValueWithMetadata<Body>>> {
///         self.0.get_with_metadata(request).await
///     }
///
///     async fn get_many(
///         &self,
///         request: GetManyRequest,
///     ) -> Result<Vec<Result<Option<ValueWithMetadata<String>>>>> {
///         self.0.get_many(request).await
///     }
///
///     async fn put(&self, _: PutRequest) -> Result<()> {
///         refused()
///     }
///
///     async fn delete(&self, _: DeleteRequest) -> Result<()> {
///         refused()
///     }
///
///     async fn list(&self, request: ListRequest) -> Result<ListPage> {
///         self.0.list(request).await
///     }
///
///     fn runtime(&self) -> Arc<dyn Runtime> {
///         self.0.runtime()
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// let kv = KvClient::new(ReadOnly(LocalNamespace::open(folder.path(), "settings").await?));
/// assert_eq!(kv.get("k").text().await?, None);
/// assert_eq!(kv.put("k", "v").await.unwrap_err().kind(), ErrorKind::Forbidden);
/// assert_eq!(kv.put_many([("a", "1"), ("b", "2")]).await?.failed().count(), 2);
/// # Ok(()) }
/// ```
#[async_trait]
pub trait Namespace: fmt::Debug + Send + Sync + 'static {
    /// Returns a value.
    async fn get(&self, request: GetRequest) -> Result<Option<Body>>;

    /// Returns a value and its metadata.
    async fn get_with_metadata(&self, request: GetRequest) -> Result<Option<ValueWithMetadata<Body>>>;

    /// Returns 1 to 100 values as text, in the order of the keys.
    async fn get_many(
        &self,
        request: GetManyRequest,
    ) -> Result<Vec<Result<Option<ValueWithMetadata<String>>>>>;

    /// Stores a value, replacing the key's value, metadata and expiration. Only a stream that does not pass
    /// through a Worker's memory may have an unknown length.
    async fn put(&self, request: PutRequest) -> Result<()>;

    /// Deletes a key. A missing key is not an error.
    async fn delete(&self, request: DeleteRequest) -> Result<()>;

    /// Stores up to 10,000 values, which are in memory. Returns one result per value, in order. By default it
    /// calls [`put`](Self::put) for each, eight concurrently.
    async fn put_many(&self, request: PutManyRequest) -> Result<Vec<Result<()>>> {
        Ok(put_one_by_one(self, request).await)
    }

    /// Deletes up to 10,000 keys. Returns one result per key, in order. By default it calls
    /// [`delete`](Self::delete) for each, eight concurrently.
    async fn delete_many(&self, request: DeleteManyRequest) -> Result<Vec<Result<()>>> {
        Ok(delete_one_by_one(self, request).await)
    }

    /// Returns one page of keys, ordered by their bytes.
    async fn list(&self, request: ListRequest) -> Result<ListPage>;

    /// Returns the clock, timer and randomness of the namespace. Clients of the namespace, and what is built
    /// on them, use these by default. A backend without a clock of its own returns the platform's:
    /// `TokioRuntime`, or `WorkersRuntime` in a Worker.
    fn runtime(&self) -> Arc<dyn Runtime>;

    /// Returns the account of the namespace, to create, list, rename and delete namespaces.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind), the default: the backend reaches a single namespace.
    fn account(&self) -> Result<Arc<dyn Account>> {
        Err(one_namespace_alone())
    }
}

pub(crate) async fn put_one_by_one<N: Namespace + ?Sized>(
    namespace: &N,
    request: PutManyRequest,
) -> Vec<Result<()>> {
    let puts: Vec<_> = request.puts.into_iter().map(|put| namespace.put(put)).collect();
    stream::iter(puts).buffered(CONCURRENT_WRITES).collect().await
}

pub(crate) async fn delete_one_by_one<N: Namespace + ?Sized>(
    namespace: &N,
    request: DeleteManyRequest,
) -> Vec<Result<()>> {
    let deletes: Vec<_> =
        request.keys.into_iter().map(|key| namespace.delete(DeleteRequest::new(key))).collect();
    stream::iter(deletes).buffered(CONCURRENT_WRITES).collect().await
}

/// A shared namespace.
#[async_trait]
impl<N: Namespace + ?Sized> Namespace for Arc<N> {
    async fn get(&self, request: GetRequest) -> Result<Option<Body>> {
        (**self).get(request).await
    }

    async fn get_with_metadata(&self, request: GetRequest) -> Result<Option<ValueWithMetadata<Body>>> {
        (**self).get_with_metadata(request).await
    }

    async fn get_many(
        &self,
        request: GetManyRequest,
    ) -> Result<Vec<Result<Option<ValueWithMetadata<String>>>>> {
        (**self).get_many(request).await
    }

    async fn put(&self, request: PutRequest) -> Result<()> {
        (**self).put(request).await
    }

    async fn delete(&self, request: DeleteRequest) -> Result<()> {
        (**self).delete(request).await
    }

    async fn put_many(&self, request: PutManyRequest) -> Result<Vec<Result<()>>> {
        (**self).put_many(request).await
    }

    async fn delete_many(&self, request: DeleteManyRequest) -> Result<Vec<Result<()>>> {
        (**self).delete_many(request).await
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage> {
        (**self).list(request).await
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        (**self).runtime()
    }

    fn account(&self) -> Result<Arc<dyn Account>> {
        (**self).account()
    }
}
