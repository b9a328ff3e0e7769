//! Results: what operations return.

pub use crate::client::outcomes::Outcomes;
pub use crate::model::kv::{ListPage, ListedKey, NamespaceInfo, NamespacesPage, ValueWithMetadata};
