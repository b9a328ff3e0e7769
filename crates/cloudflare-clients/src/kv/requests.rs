//! Requests: the builders that [`KvClient`](super::KvClient)'s methods return, and the plain requests that a
//! [`Namespace`](super::Namespace) receives.

pub use super::ops::{
    CreateNamespace, Delete, DeleteMany, DeleteNamespace, Get, GetMany, GetManyWithMetadata, GetWithMetadata,
    List, ListNamespaces, Put, PutMany, RenameNamespace,
};
pub use crate::model::kv::{
    DeleteManyRequest, DeleteRequest, GetManyRequest, GetRequest, ListNamespacesRequest, ListRequest,
    PutManyRequest, PutRequest,
};
