//! Options: what requests and configurations are made of, and the limits of KV.

pub use super::account_config::KvAccountConfig;
pub use super::config::KvConfig;
pub use super::request_budget::RequestBudget;
pub use crate::model::kv::{
    MAX_BULK_BYTES, MAX_BULK_GET, MAX_BULK_WRITES, MAX_KEY_SIZE, MAX_METADATA_SIZE, MAX_TITLE_SIZE,
    MAX_VALUE_SIZE, MIN_CACHE_TTL, MIN_EXPIRATION_TTL, Metadata, ValueType,
};
