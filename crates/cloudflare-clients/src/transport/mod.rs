//! HTTP for everything that sends and receives messages: headers, failures, and the client that sends
//! requests.

#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
mod answer;
#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
mod client;
mod error_response;
pub(crate) mod failure;
pub(crate) mod headers;
#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
mod reason_phrase;
#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
mod timeouts;

#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
pub(crate) use self::answer::Answer;
#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
pub use self::client::HttpClient;
#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
pub use self::reason_phrase::ReasonPhrase;
#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
pub use self::timeouts::Timeouts;
