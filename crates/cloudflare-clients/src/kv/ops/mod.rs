//! The operations of [`KvClient`](super::KvClient).

mod bulk;
mod delete;
mod delete_many;
mod get;
mod get_many;
mod list;
mod put;
mod put_many;

pub use self::delete::Delete;
pub use self::delete_many::DeleteMany;
pub use self::get::{Get, GetWithMetadata};
pub use self::get_many::{GetMany, GetManyWithMetadata};
pub use self::list::List;
pub use self::put::Put;
pub use self::put_many::PutMany;

/// How many requests are under way at once.
pub(super) const CONCURRENCY: usize = 8;
