//! The folder of an embedded store.

use std::path::Path;

/// The store's database in its folder.
pub(crate) const DATABASE: &str = "store.sqlite3";

/// Whether the folder holds a store.
pub(crate) fn has_store(folder: &Path) -> bool {
    folder.join(DATABASE).is_file()
}
