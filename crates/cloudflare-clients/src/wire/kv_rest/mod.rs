//! [KV's REST API](https://developers.cloudflare.com/api/resources/kv/) without I/O: writes requests and
//! parses answers.
//!
//! There is a file for each operation: `request` creates the [`Request`], [`Request::authorize`] converts it
//! to the HTTP request, and `parse` parses the body of the answer. [`Envelope`], [`error_code`] and the JSON
//! types of requests and results work in both directions, and servers can use them too.
//!
//! Semantic versioning does not cover this module: it is for servers and tools and follows the protocol, so
//! it may change in a minor version, and before 1.0 in a patch. If you build on it, pin the version with `=`.

pub mod bulk_delete;
pub mod bulk_get;
pub mod bulk_put;
mod bulk_result;
pub mod create_namespace;
pub mod delete_namespace;
pub mod delete_value;
mod envelope;
pub mod error_code;
pub mod get_metadata;
pub mod get_value;
pub mod list_keys;
pub mod list_namespaces;
mod namespace_json;
mod namespace_url;
mod namespaces_url;
pub mod put_value;
mod rate_limit;
pub mod rename_namespace;
mod request;
mod token;

#[cfg(test)]
mod goldens;

pub use bulk_result::BulkResult;
pub use envelope::{Envelope, Message, ResultInfo};
pub use namespace_json::NamespaceJson;
pub use namespace_url::NamespaceUrl;
pub(crate) use namespace_url::validate_namespace_id;
pub use namespaces_url::NamespacesUrl;
pub use rate_limit::RateLimit;
pub use request::Request;
pub use token::ApiToken;
