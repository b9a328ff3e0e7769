//! The embedded store: R2 and Workers KV in a folder.
//!
//! SQLite holds the metadata, the order of the keys, and small bodies and values; large ones are files. The
//! bytes of a write are received into a file. The file is synced and renamed, and its folder synced, before
//! the rows that refer to it are committed; only then is the write acknowledged. A file belongs to one row: a
//! copy is a hard link, so no references are counted.

mod backup;
mod blobs;
mod block_checksums;
mod bucket;
mod buckets;
mod cleanup;
mod copy;
mod cors;
mod cursor;
mod customer_key;
mod database;
#[cfg_attr(not(feature = "simulation"), expect(unreachable_pub, reason = "the simulation implements it"))]
mod disk;
mod encryption;
mod events;
mod instance;
mod key;
mod lifecycle;
mod listing;
mod local_store;
mod log;
mod md5;
mod md5_queue;
mod multipart;
mod namespace;
mod namespaces;
mod objects;
mod pairs;
#[cfg_attr(not(feature = "simulation"), expect(unreachable_pub, reason = "the simulation makes one"))]
mod platform;
mod read;
mod receive;
mod reserve;
mod scrub;
mod segments;
mod shared;
mod sweeps;
#[cfg(test)]
pub(crate) mod testing;
#[cfg_attr(not(feature = "simulation"), expect(unreachable_pub, reason = "the simulation implements it"))]
mod threads;
mod unwritable;
#[cfg(test)]
mod upgrade;
mod usage;
mod writer;

pub use backup::BackupReport;
pub use bucket::LocalBucket;
#[cfg(feature = "simulation")]
pub use disk::{Disk, DiskFile, Open};
pub use events::R2Events;
pub use lifecycle::LifecycleReport;
pub use local_store::LocalStore;
pub use namespace::LocalNamespace;
#[cfg(feature = "simulation")]
pub use platform::Platform;
pub use scrub::{Damage, ScrubReport};
#[cfg(feature = "simulation")]
pub use threads::{Threads, Worker};
pub use usage::StoreUsage;
