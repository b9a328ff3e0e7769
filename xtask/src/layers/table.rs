//! The layers of the library, from the ground up, and the intended cycles of files.

use std::collections::BTreeSet;

/// The crate that has layers.
pub(super) const LIBRARY: &str = "crates/cloudflare-clients/src";

/// The page that shows them.
pub(super) const PAGE: &str = "docs/architecture.md";

/// A layer. Its modules may import from the layers before it.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) name: &'static str,
    pub(super) modules: &'static [&'static str],
    pub(super) within: Within,
}

/// What the modules of one layer may import from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Within {
    /// Modules that are listed before.
    Order,
    Nothing,
}

const fn layer(name: &'static str, modules: &'static [&'static str], within: Within) -> Layer {
    Layer { name, modules, within }
}

#[rustfmt::skip]
pub(super) const LAYERS: &[Layer] = &[
    layer("ground", &["mutation", "sync", "error", "retry", "time", "json", "secret", "account", "env", "js", "runtime", "body", "transport"], Within::Order),
    layer("signature", &["sigv4"], Within::Nothing),
    layer("vocabulary", &["model"], Within::Nothing),
    layer("signing", &["signing"], Within::Nothing),
    layer("protocols", &["wire"], Within::Nothing),
    layer("engine", &["client"], Within::Nothing),
    layer("services", &["kv", "r2"], Within::Nothing),
    layer("built on them", &["playlist", "transfer", "lock", "session", "rate_limit", "analytics"], Within::Nothing),
    layer("backends", &["backend", "store", "testing"], Within::Nothing),
    layer("simulation", &["simulation"], Within::Nothing),
    layer("guides", &["guide"], Within::Nothing),
];

/// Files that import each other in a cycle, and the reason why they should.
#[derive(Debug)]
pub(super) struct Circle {
    pub(super) files: &'static [&'static str],
    pub(super) reason: &'static str,
}

impl Circle {
    pub(super) fn is(&self, files: &BTreeSet<&str>) -> bool {
        self.files.iter().copied().collect::<BTreeSet<_>>() == *files
    }
}

/// Maximum number of files in a cycle.
pub(super) const MOST_FILES: usize = 8;

/// The crates whose files are checked, and their intended cycles.
pub(super) const CIRCLES: &[(&str, &[Circle])] = &[
    (
        LIBRARY,
        &[Circle {
            files: &["lock/guard.rs", "lock/locks.rs"],
            reason: "a guard renews and releases itself through the locks that created it",
        }],
    ),
    ("crates/cloudflare-emulator/src", &[]),
    ("crates/cfstore/src", &[]),
    ("crates/contract/src", &[]),
    ("crates/properties/src", &[]),
    (
        "crates/simulation/src",
        &[Circle {
            files: &["disk/event.rs", "disk/mod.rs", "disk/process.rs", "disk/vfs.rs"],
            reason: "a process opens SQLite's databases by a VFS that goes back to the machine of the process",
        }],
    ),
    ("crates/testkit/src", &[]),
    ("xtask/src", &[]),
];
