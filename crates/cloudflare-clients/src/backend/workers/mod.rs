//! R2 through the bucket binding of a Worker.

mod bucket;
pub(crate) mod error;
mod fetch;
pub(crate) mod js;
mod object;
mod options;
mod response;
mod runtime;

pub use bucket::WorkersBucket;
pub(crate) use fetch::FetchBucket;
pub use runtime::WorkersRuntime;
