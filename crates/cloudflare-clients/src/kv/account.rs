//! What a backend does with the namespaces of an account: one attempt of each operation.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::model::kv::{ListNamespacesRequest, NamespaceInfo, NamespacesPage};
use crate::runtime::Runtime;

/// The namespaces of an account as one of the backends reaches them: `RestNamespaces` and `LocalStore`.
///
/// Each operation is exactly one attempt and returns only what the service said: retries live in
/// [`Namespaces`](super::Namespaces), which calls these and has checked what it gives. A missing namespace is
/// [`ErrorKind::NoSuchNamespace`](crate::ErrorKind), a title that another one has
/// [`ErrorKind::Conflict`](crate::ErrorKind).
#[async_trait]
pub trait Account: fmt::Debug + Send + Sync + 'static {
    /// Creates a namespace with this title, which gets an id.
    async fn create(&self, title: &str) -> Result<NamespaceInfo>;

    /// One page of the namespaces, by title.
    async fn list(&self, request: ListNamespacesRequest) -> Result<NamespacesPage>;

    /// Gives the namespace of this id another title.
    async fn rename(&self, id: &str, title: &str) -> Result<()>;

    /// Deletes the namespace of this id with all its keys.
    async fn delete(&self, id: &str) -> Result<()>;

    /// The clock, timer and randomness that the account goes by. [`Namespaces`](super::Namespaces) takes them
    /// from here.
    fn runtime(&self) -> Arc<dyn Runtime>;
}

/// The error of a backend that reaches one namespace alone.
pub(super) fn one_namespace_alone() -> Error {
    Error::unsupported(
        "this reaches one namespace alone, as the binding of a Worker does: namespaces are created, listed and deleted \
         over Cloudflare's REST API, by wrangler or on Cloudflare's dashboard",
    )
}

/// An account that others hold too.
#[async_trait]
impl<T: Account + ?Sized> Account for Arc<T> {
    async fn create(&self, title: &str) -> Result<NamespaceInfo> {
        (**self).create(title).await
    }

    async fn list(&self, request: ListNamespacesRequest) -> Result<NamespacesPage> {
        (**self).list(request).await
    }

    async fn rename(&self, id: &str, title: &str) -> Result<()> {
        (**self).rename(id, title).await
    }

    async fn delete(&self, id: &str) -> Result<()> {
        (**self).delete(id).await
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        (**self).runtime()
    }
}
