//! R2, Workers KV and rate limits through the bindings of a Worker.

mod body;
mod bucket;
mod error;
mod fetch;
mod headers;
mod made_up_env;
mod namespace;
mod object;
mod options;
mod rate_limiter;
mod response;

pub use bucket::WorkersBucket;
pub use made_up_env::MadeUpEnv;
pub use namespace::WorkersNamespace;
pub use rate_limiter::WorkersRateLimiter;
