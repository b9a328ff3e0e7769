//! What a backend does: one attempt of each operation.

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

/// How many keys are written or deleted at a time where a backend does so one by one.
const CONCURRENT_WRITES: usize = 8;

/// A namespace of Workers KV as one of the backends reaches it.
///
/// Each operation is exactly one attempt and returns only what the service said: retries live in
/// [`KvClient`](super::KvClient), which calls these and has checked what it gives. A missing key is `None`; a missing
/// namespace is an error. An operation that a backend lacks is [`ErrorKind::Unsupported`](crate::ErrorKind).
///
/// A namespace around another one implements every method, so that it cannot forget to pass one on; without `put_many` and
/// `delete_many` it writes and deletes one by one. A test takes a
/// `testing::MockNamespace` (feature `testing`), which needs a line for each operation that it answers.
///
/// ```
/// use std::sync::Arc;
///
/// use cloudflare_clients::kv::*;
/// use cloudflare_clients::{Body, Error, ErrorKind, LocalNamespace, Result, Runtime, async_trait};
///
/// /// A namespace that nothing writes to.
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
///     async fn get_many(&self, request: GetManyRequest) -> Result<Vec<Result<Option<ValueWithMetadata<String>>>>> {
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
    /// A value.
    async fn get(&self, request: GetRequest) -> Result<Option<Body>>;

    /// A value and what is kept beside it.
    async fn get_with_metadata(&self, request: GetRequest) -> Result<Option<ValueWithMetadata<Body>>>;

    /// 1 to 100 values as text, in the order of the keys.
    async fn get_many(
        &self,
        request: GetManyRequest,
    ) -> Result<Vec<Result<Option<ValueWithMetadata<String>>>>>;

    /// Stores a value in place of the key's value, metadata and expiry. Only a stream that passes by a Worker's memory may be of
    /// unknown length.
    async fn put(&self, request: PutRequest) -> Result<()>;

    /// Deletes a key. A missing key is not an error.
    async fn delete(&self, request: DeleteRequest) -> Result<()>;

    /// Stores up to 10,000 values, which are in memory, and says of each, in the order of the puts, whether that worked; by
    /// default with a [`put`](Self::put) of each, eight at a time.
    async fn put_many(&self, request: PutManyRequest) -> Result<Vec<Result<()>>> {
        Ok(put_one_by_one(self, request).await)
    }

    /// Deletes up to 10,000 keys and says of each, in the order of the keys, whether that worked; by default with a
    /// [`delete`](Self::delete) of each, eight at a time.
    async fn delete_many(&self, request: DeleteManyRequest) -> Result<Vec<Result<()>>> {
        Ok(delete_one_by_one(self, request).await)
    }

    /// One page of a listing, in the order of the keys' bytes.
    async fn list(&self, request: ListRequest) -> Result<ListPage>;

    /// The clock, timer and randomness that the namespace goes by. A client of it, and what is built on the client, take
    /// them from here. A backend without a clock of its own gives the platform's: `TokioRuntime`, or `WorkersRuntime` in
    /// a Worker.
    fn runtime(&self) -> Arc<dyn Runtime>;

    /// The account that the namespace is in, to create, list, rename and delete namespaces.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind), the default: this reaches one namespace alone.
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

/// A namespace that others hold too.
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
