//! The settings for each entry of a tree.

use std::path::PathBuf;

use super::comparison::Compare;
use super::selection::MetadataRules;
use crate::transfer::rate::RateLimit;

#[expect(clippy::struct_excessive_bools, reason = "each of them is a switch of its own")]
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) compare: Compare,
    /// Whether entries that exist only in the target are deleted.
    pub(super) delete: bool,
    pub(super) dry_run: bool,
    /// Whether the source is deleted after it was copied.
    pub(super) moves: bool,
    pub(super) metadata_rules: MetadataRules,
    pub(super) part_size: Option<u64>,
    pub(super) concurrency: usize,
    pub(super) resume: bool,
    pub(super) rate: Option<RateLimit>,
    pub(super) journal: Option<PathBuf>,
}
