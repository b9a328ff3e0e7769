//! The operations of [`KvClient`](super::KvClient).

mod bulk;
mod delete;
mod get;
mod get_many;
mod list;
mod put;

pub use self::get::{Get, GetWithMetadata};
pub use self::get_many::{GetMany, GetManyWithMetadata};
pub use self::list::List;
pub use self::put::Put;

/// How many requests are under way at once.
pub(super) const CONCURRENCY: usize = 8;
