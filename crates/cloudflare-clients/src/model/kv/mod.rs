//! The types of Workers KV.

pub(crate) mod error_code;
#[cfg(test)]
mod goldens;
pub(crate) mod limits;
mod metadata;
mod namespaces;
mod requests;
pub(crate) mod value;
mod value_with_metadata;

pub use self::limits::{
    MAX_BULK_BYTES, MAX_BULK_GET, MAX_BULK_WRITES, MAX_KEY_SIZE, MAX_METADATA_SIZE, MAX_TITLE_SIZE,
    MAX_VALUE_SIZE, MIN_CACHE_TTL, MIN_EXPIRATION_TTL,
};
pub use self::metadata::Metadata;
pub(crate) use self::namespaces::validate_title;
pub use self::namespaces::{ListNamespacesRequest, NamespaceInfo, NamespacesPage};
pub use self::requests::{
    DeleteManyRequest, DeleteRequest, GetManyRequest, GetRequest, ListPage, ListRequest, ListedKey,
    PutManyRequest, PutRequest, ValueType,
};
pub use self::value_with_metadata::ValueWithMetadata;
