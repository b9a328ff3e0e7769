//! R2 and Workers KV through the bindings of a Worker.

mod bucket;
pub(crate) mod error;
mod fetch;
pub(crate) mod js;
mod namespace;
mod object;
mod options;
mod response;
mod runtime;

pub use bucket::WorkersBucket;
pub(crate) use fetch::FetchBucket;
pub use namespace::WorkersNamespace;
pub use runtime::WorkersRuntime;
pub(crate) use runtime::strong_random;
