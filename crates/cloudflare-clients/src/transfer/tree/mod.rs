//! Transfers of many objects: between folders and prefixes, and between prefixes.

mod comparison;
mod delete_prefix;
mod entry;
mod file_names;
mod folder;
mod jobs;
mod keys;
mod place;
mod planner;
mod report;
mod selection;
mod settings;
mod tree_transfer;

pub use self::comparison::Compare;
pub use self::delete_prefix::DeletePrefix;
pub use self::place::Tree;
pub use self::report::{TreeEvent, TreeProgress, TreeReport};
pub use self::tree_transfer::{TreeTransfer, sync};
