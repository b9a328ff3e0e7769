//! R2, Workers KV and rate limits through the bindings of a Worker.

mod bucket;
pub(crate) mod error;
mod fetch;
pub(crate) mod js;
mod namespace;
mod object;
mod options;
mod rate_limiter;
mod response;

pub use bucket::WorkersBucket;
pub use namespace::WorkersNamespace;
pub use rate_limiter::WorkersRateLimiter;
