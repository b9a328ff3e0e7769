//! [Workers KV](https://developers.cloudflare.com/kv/): Cloudflare's eventually consistent key-value store.
//!
//! [`KvClient`] is what most code holds; a [`Namespace`] is where it goes.
//!
//! What KV [promises](https://developers.cloudflare.com/kv/concepts/how-kv-works/#consistency) and what it does not: the last
//! write wins, there are no conditions and no transactions, and each place may go on reading what it has cached for 60 seconds or
//! more, also that a key is missing. One key takes one write a second.

mod bulk;
mod client;
mod config;
mod get;
mod get_many;
pub(crate) mod limits;
mod list;
mod metadata;
pub(crate) mod namespace;
mod outcomes;
mod put;
mod request_budget;
pub mod rest;
#[cfg(all(feature = "local", not(target_arch = "wasm32")))]
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod value;

pub use client::KvClient;
pub use config::KvConfig;
pub use get::{Get, GetWithMetadata};
pub use get_many::{GetMany, GetManyWithMetadata};
pub use limits::{
    MAX_BULK_BYTES, MAX_BULK_GET, MAX_BULK_WRITES, MAX_KEY_SIZE, MAX_METADATA_SIZE, MAX_VALUE_SIZE,
    MIN_CACHE_TTL, MIN_EXPIRATION_TTL,
};
pub use list::List;
pub use metadata::Metadata;
pub use namespace::{
    GetManyRequest, GetRequest, ListPage, ListRequest, ListedKey, Namespace, PutRequest, ValueType,
    ValueWithMetadata,
};
pub use outcomes::Outcomes;
pub use put::Put;
pub use request_budget::RequestBudget;
