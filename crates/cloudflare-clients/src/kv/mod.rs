//! [Workers KV](https://developers.cloudflare.com/kv/): Cloudflare's eventually consistent key-value store.
//!
//! [`KvClient`] is what most code holds; a [`Namespace`] is where it goes.
//!
//! What KV [promises](https://developers.cloudflare.com/kv/concepts/how-kv-works/#consistency) and what it does not: the last
//! write wins, there are no conditions and no transactions, and each place may go on reading what it has cached for 60 seconds or
//! more, also that a key is missing. One key takes one write a second.

mod client;
mod config;
mod namespace;
mod ops;
mod request_budget;
#[cfg(all(feature = "local", not(target_arch = "wasm32")))]
#[cfg(test)]
pub(crate) mod testing;

pub use self::client::KvClient;
pub use self::config::KvConfig;
pub use self::namespace::Namespace;
pub use self::ops::{
    Delete, DeleteMany, Get, GetMany, GetManyWithMetadata, GetWithMetadata, List, Put, PutMany,
};
pub use self::request_budget::RequestBudget;
pub use crate::client::outcomes::Outcomes;
pub use crate::model::kv::{
    DeleteManyRequest, DeleteRequest, GetManyRequest, GetRequest, ListPage, ListRequest, ListedKey,
    MAX_BULK_BYTES, MAX_BULK_GET, MAX_BULK_WRITES, MAX_KEY_SIZE, MAX_METADATA_SIZE, MAX_VALUE_SIZE,
    MIN_CACHE_TTL, MIN_EXPIRATION_TTL, Metadata, PutRequest, ValueType, ValueWithMetadata,
};
pub use crate::wire::kv_rest as rest;
