//! The interface of a backend to the namespaces of an account: one attempt per operation.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::model::kv::{ListNamespacesRequest, NamespaceInfo, NamespacesPage};
use crate::runtime::Runtime;

/// The namespaces of an account, as one backend reaches them. Implemented by `RestNamespaces` and
/// `LocalStore`.
///
/// Each operation makes exactly one attempt and returns what the service answered.
/// [`Namespaces`](super::Namespaces) calls these methods, validates their arguments first, and retries. A
/// missing namespace is [`ErrorKind::NoSuchNamespace`](crate::ErrorKind); a title already in use is
/// [`ErrorKind::Conflict`](crate::ErrorKind).
#[async_trait]
pub trait Account: fmt::Debug + Send + Sync + 'static {
    /// Creates a namespace with this title. The service assigns its id.
    async fn create(&self, title: &str) -> Result<NamespaceInfo>;

    /// Returns one page of the namespaces, ordered by title.
    async fn list(&self, request: ListNamespacesRequest) -> Result<NamespacesPage>;

    /// Changes the title of the namespace with this id.
    async fn rename(&self, id: &str, title: &str) -> Result<()>;

    /// Deletes the namespace with this id, and all its keys.
    async fn delete(&self, id: &str) -> Result<()>;

    /// Returns the clock, timer and randomness of the account. [`Namespaces`](super::Namespaces) uses them by
    /// default.
    fn runtime(&self) -> Arc<dyn Runtime>;
}

/// The error of a backend that reaches a single namespace.
pub(super) fn one_namespace_alone() -> Error {
    Error::unsupported(
        "this backend reaches a single namespace, as a Worker's binding does: create, list, rename and delete \
         namespaces through Cloudflare's REST API, with wrangler or in Cloudflare's dashboard",
    )
}

/// A shared account.
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
