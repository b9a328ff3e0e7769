//! [Workers KV](https://developers.cloudflare.com/kv/): Cloudflare's eventually consistent key-value store.
//!
//! [`KvClient`] is what most code holds; a [`Namespace`] is where it goes.
//!
//! What KV [promises](https://developers.cloudflare.com/kv/concepts/how-kv-works/#consistency) and what it does not: the last
//! write wins, there are no conditions and no transactions, and each place may go on reading what it has cached for 60 seconds or
//! more, also that a key is missing. One key takes one write a second.
//!
//! # As JSON
//!
//! What KV answers with serialises, for a cache or an API of one's own, and is read back. Fields have the
//! names of the [Workers API](https://developers.cloudflare.com/kv/api/list-keys/); what is `None` is left out.
//! Times are RFC 3339 in UTC with milliseconds, as in [`r2`](crate::r2#as-json); [`rest`] has the forms
//! of KV's REST API, with seconds since 1970.
//!
//! | type | JSON |
//! |---|---|
//! | [`ListPage`] | `keys`, `list_complete`, `cursor` |
//! | [`ListedKey`] | `name`, `expiration`, `metadata` |
//! | [`ValueWithMetadata`] | `value`, `metadata`, `expiration`, `cacheStatus`; if the value serialises, as a `String` does |
//! | [`NamespaceInfo`] | `id`, `title`, `created` |
//! | [`NamespacesPage`] | `namespaces`, `truncated`, `total` |
//! | [`Metadata`] | the JSON that it is |

mod account;
mod account_config;
mod client;
mod config;
pub(crate) mod namespace;
mod namespaces;
mod ops;
mod request_budget;
#[cfg(all(feature = "local", not(target_arch = "wasm32")))]
#[cfg(test)]
pub(crate) mod testing;

pub use self::account::Account;
pub use self::account_config::KvAccountConfig;
#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
pub(crate) use self::account_config::api_endpoint;
pub use self::client::KvClient;
pub use self::config::KvConfig;
pub use self::namespace::Namespace;
pub use self::namespaces::Namespaces;
pub use self::ops::{
    CreateNamespace, Delete, DeleteMany, DeleteNamespace, Get, GetMany, GetManyWithMetadata, GetWithMetadata,
    List, ListNamespaces, Put, PutMany, RenameNamespace,
};
pub use self::request_budget::RequestBudget;
pub use crate::client::outcomes::Outcomes;
pub use crate::model::kv::{
    DeleteManyRequest, DeleteRequest, GetManyRequest, GetRequest, ListNamespacesRequest, ListPage,
    ListRequest, ListedKey, MAX_BULK_BYTES, MAX_BULK_GET, MAX_BULK_WRITES, MAX_KEY_SIZE, MAX_METADATA_SIZE,
    MAX_TITLE_SIZE, MAX_VALUE_SIZE, MIN_CACHE_TTL, MIN_EXPIRATION_TTL, Metadata, NamespaceInfo,
    NamespacesPage, PutManyRequest, PutRequest, ValueType, ValueWithMetadata,
};
pub use crate::wire::kv_rest as rest;
