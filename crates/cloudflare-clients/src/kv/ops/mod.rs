//! The operations of [`KvClient`](super::KvClient) and [`Namespaces`](super::Namespaces).

mod bulk;
mod create_namespace;
mod delete;
mod delete_many;
mod delete_namespace;
mod get;
mod get_many;
mod list;
mod list_namespaces;
mod put;
mod put_many;
mod rename_namespace;

pub use self::create_namespace::CreateNamespace;
pub use self::delete::Delete;
pub use self::delete_many::DeleteMany;
pub use self::delete_namespace::DeleteNamespace;
pub use self::get::{Get, GetWithMetadata};
pub use self::get_many::{GetMany, GetManyWithMetadata};
pub use self::list::List;
pub use self::list_namespaces::ListNamespaces;
pub use self::put::Put;
pub use self::put_many::PutMany;
pub use self::rename_namespace::RenameNamespace;

/// How many requests of a bulk operation are sent concurrently.
pub(super) const CONCURRENCY: usize = 8;
