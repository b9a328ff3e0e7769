//! [Workers KV](https://developers.cloudflare.com/kv/): Cloudflare's eventually consistent key-value store.
//!
//! [`KvClient`] has every operation of a namespace and is cheap to clone. A [`Namespace`] is the place that a
//! client sends its requests to, and an [`Account`] holds many. The other types are grouped, and can be
//! imported from here as well as from their group: [`requests`], [`results`] and [`options`].
//!
//! KV is [eventually consistent](https://developers.cloudflare.com/kv/concepts/how-kv-works/#consistency):
//!
//! - The last write wins. KV has neither conditions nor transactions.
//! - A location may serve a cached value, or a cached miss, for 60 seconds or longer.
//! - A key accepts one write per second.
//!
//! # As JSON
//!
//! Results can be serialised and deserialised, for a cache or a custom API. Fields have the names of the
//! [Workers API](https://developers.cloudflare.com/kv/api/list-keys/); a field that is `None` is omitted.
//! Times are RFC 3339 in UTC with milliseconds, as in [`r2`](crate::r2#as-json). [`rest`] has the forms of
//! KV's REST API, with seconds since 1970.
//!
//! | type | JSON |
//! |---|---|
//! | [`ListPage`] | `keys`, `list_complete`, `cursor` |
//! | [`ListedKey`] | `name`, `expiration`, `metadata` |
//! | [`ValueWithMetadata`] | `value`, `metadata`, `expiration`, `cacheStatus`; if the value can be serialised, as a `String` can |
//! | [`NamespaceInfo`] | `id`, `title`, `created` |
//! | [`NamespacesPage`] | `namespaces`, `truncated`, `total` |
//! | [`Metadata`] | the JSON value itself |

mod account;
mod account_config;
mod client;
mod config;
pub(crate) mod namespace;
mod namespaces;
mod ops;
pub mod options;
mod request_budget;
pub mod requests;
pub mod results;
#[cfg(all(feature = "local", not(target_arch = "wasm32")))]
#[cfg(test)]
pub(crate) mod testing;

pub use self::account::Account;
#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
pub(crate) use self::account_config::api_endpoint;
pub use self::client::KvClient;
pub use self::namespace::Namespace;
pub use self::namespaces::Namespaces;
#[doc(no_inline)]
pub use self::options::*;
#[doc(no_inline)]
pub use self::requests::*;
#[doc(no_inline)]
pub use self::results::*;
pub use crate::wire::kv_rest as rest;
