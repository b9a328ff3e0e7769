//! The rules, and their violations.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::circles::circles;
use super::imports::Import;
use super::table::{Circle, LIBRARY, Layer, MOST_FILES, PAGE, Within};

const TABLE: &str = "xtask/src/layers/table.rs";

/// The top module of `lib.rs`, which imports from all modules and from which none imports.
const FACE: &str = "lib";

/// The table must list exactly the existing modules.
pub(super) fn unlisted(top_modules: &BTreeSet<&str>, layers: &[Layer]) -> Vec<String> {
    let mut faults = Vec::new();
    for module in top_modules.iter().filter(|module| place(module, layers).is_none()) {
        faults.push(format!("`{module}` is not in a layer: add it to {TABLE}"));
    }
    for module in layers.iter().flat_map(|layer| layer.modules) {
        if !top_modules.contains(module) {
            faults.push(format!("`{module}`, which {TABLE} lists, is not a module of lib.rs"));
        }
    }
    faults
}

/// A module may import only what its layer allows.
pub(super) fn climbing(imports: &BTreeSet<Import>, layers: &[Layer]) -> Vec<String> {
    let mut faults = Vec::new();
    for import in imports {
        for (from, to) in imported(import) {
            if !may_import(from, to, layers) {
                faults.push(format!(
                    "{LIBRARY}/{}:{} imports {} ({}): {} may not import {}",
                    import.from,
                    import.line,
                    import.path,
                    import.to,
                    in_layer(from, layers),
                    in_layer(to, layers)
                ));
            }
        }
    }
    faults
}

/// A cycle of files must be listed, small and justified, and listed cycles must exist.
pub(super) fn not_meant(imports: &BTreeSet<Import>, meant: &[Circle]) -> Vec<String> {
    let edges = between_files(imports);
    let found = circles(&edges);
    let mut faults = Vec::new();
    for circle in &found {
        if !meant.iter().any(|meant| meant.is(circle)) {
            let files: Vec<_> = circle.iter().collect();
            faults.push(format!(
                "{} files import each other in a cycle that {TABLE} does not list:{}\n  \
                 Break it, or list it with a reason: Circle {{ files: &{files:?}, reason: \"\" }},",
                circle.len(),
                drawn(circle, imports)
            ));
        }
    }
    for circle in meant {
        let files = circle.files.join(", ");
        if !found.iter().any(|found| circle.is(found)) {
            faults.push(format!("{TABLE} lists a cycle that does not exist: {files}"));
        }
        if circle.files.len() > MOST_FILES {
            faults.push(format!("{TABLE} lists a cycle of more than {MOST_FILES} files: {files}"));
        }
        if circle.reason.is_empty() {
            faults.push(format!("{TABLE} lists a cycle without a reason: {files}"));
        }
    }
    faults
}

/// Top modules must not import each other in a cycle.
pub(super) fn modules_in_circles(imports: &BTreeSet<Import>) -> Vec<String> {
    let circles = circles(&between_top_modules(imports));
    circles
        .into_iter()
        .map(|circle| format!("modules import each other in a cycle: {}", list(circle)))
        .collect()
}

/// The page must show the layers of the table.
pub(super) fn outdated(page: &str, layers: &[Layer]) -> Option<String> {
    let shown = shown(layers);
    (!page.contains(&shown))
        .then(|| format!("{PAGE} does not show the layers of {TABLE}. Replace its table with:\n\n{shown}"))
}

/// The layers as a table for the architecture page.
fn shown(layers: &[Layer]) -> String {
    let mut text = format!(
        "<!-- from {TABLE}; `cargo xtask check layers` compares -->\n\
         | layer, from the ground up | modules | of each other they import |\n|---|---|---|\n",
    );
    for layer in layers {
        let modules: Vec<_> = layer.modules.iter().map(|module| format!("`{module}`")).collect();
        let within = match layer.within {
            _ if modules.len() == 1 => "",
            Within::Order => "those before",
            Within::Nothing => "nothing",
        };
        let _ = writeln!(text, "| {} | {} | {within} |", layer.name, modules.join(", "));
    }
    text
}

/// The place of a module: the index of its layer, and its index within the layer.
fn place(module: &str, layers: &[Layer]) -> Option<(usize, usize)> {
    layers.iter().enumerate().find_map(|(row, layer)| {
        layer.modules.iter().position(|listed| *listed == module).map(|column| (row, column))
    })
}

/// A module without a place may import anything except `lib.rs`.
fn may_import(from: &str, to: &str, layers: &[Layer]) -> bool {
    let (Some(from), Some(to)) = (place(from, layers), place(to, layers)) else {
        return to != FACE;
    };
    match layers[from.0].within {
        Within::Order => to < from,
        Within::Nothing => to.0 < from.0,
    }
}

fn in_layer(module: &str, layers: &[Layer]) -> String {
    let layer = place(module, layers).map(|(row, _)| layers[row].name);
    layer.map_or(format!("`{module}`"), |layer| format!("`{module}` ({layer})"))
}

/// Re-exports of a facade do not count: otherwise each `mod.rs` would be in a cycle with its files.
pub(super) fn between_files(imports: &BTreeSet<Import>) -> BTreeSet<(&str, &str)> {
    let own = imports.iter().filter(|import| !import.re_export && import.from != import.to);
    own.map(|import| (import.from.as_str(), import.to.as_str())).collect()
}

pub(super) fn between_top_modules(imports: &BTreeSet<Import>) -> BTreeSet<(&str, &str)> {
    imports.iter().flat_map(imported).collect()
}

/// The importing top module, with each imported one: where the item is defined, and where its path starts.
fn imported(import: &Import) -> BTreeSet<(&str, &str)> {
    let from = top_module(&import.from);
    let to = [Some(top_module(&import.to)), import.through.as_deref()];
    let pairs = to.into_iter().flatten().map(|to| (from, to));
    pairs.filter(|(from, to)| from != to && *from != FACE).collect()
}

fn top_module(file: &str) -> &str {
    file.split_once('/').map_or(file.trim_end_matches(".rs"), |(folder, _)| folder)
}

/// The imports of a cycle, one line for each pair of files.
fn drawn(circle: &BTreeSet<&str>, imports: &BTreeSet<Import>) -> String {
    let mut lines: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for import in imports.iter().filter(|import| !import.re_export && import.from != import.to) {
        if circle.contains(import.from.as_str()) && circle.contains(import.to.as_str()) {
            let name = import.path.rsplit("::").next().unwrap_or_default();
            lines.entry((&import.from, &import.to)).or_default().insert(name);
        }
    }
    let mut text = String::new();
    for ((from, to), names) in lines {
        let _ = write!(text, "\n  {from} -> {to}: {}", list(names));
    }
    text
}

pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::read::{Crate, Sources};

    const LAYERS: [Layer; 3] = [
        Layer { name: "ground", modules: &["error", "body"], within: Within::Order },
        Layer { name: "services", modules: &["kv", "r2"], within: Within::Nothing },
        Layer { name: "backends", modules: &["backend"], within: Within::Nothing },
    ];

    fn imports(files: &[(&str, &str)]) -> BTreeSet<Import> {
        let mut sources: Sources =
            [("lib.rs", "mod error; mod body; mod kv; mod r2; mod backend; pub use kv::Kv;")]
                .into_iter()
                .chain(["error.rs", "body.rs", "kv.rs", "r2.rs", "backend.rs"].map(|file| (file, "")))
                .map(|(file, text)| (file.to_owned(), text.to_owned()))
                .collect();
        for (file, text) in files {
            sources.remove(&file.replace("/mod.rs", ".rs"));
            sources.insert((*file).to_owned(), (*text).to_owned());
        }
        Crate::read(&sources).unwrap().imports()
    }

    fn climbs(files: &[(&str, &str)]) -> Vec<String> {
        climbing(&imports(files), &LAYERS)
    }

    #[test]
    fn what_lies_below_may_be_imported() {
        let below = [
            ("body.rs", "use crate::error::Error;"),
            ("kv.rs", "use crate::body::Body; pub struct Kv; impl crate::kv::Own {}"),
            ("backend.rs", "use crate::{kv, r2, error, Kv};"),
        ];
        assert_eq!(climbs(&below), [""; 0]);
    }

    #[test]
    fn an_import_that_climbs_is_found_with_its_line() {
        assert_eq!(
            climbs(&[("kv.rs", "\nfn f() {\n    crate::backend::Local::new();\n}")]),
            ["crates/cloudflare-clients/src/kv.rs:3 imports crate::backend::Local (backend.rs): \
                 `kv` (services) may not import `backend` (backends)"]
        );
        for (file, text) in [
            ("kv.rs", "use crate::r2::R2;"),
            ("r2.rs", "use crate::kv::Kv;"),
            ("r2.rs", "use crate::Kv;"),
            ("error.rs", "use crate::body::Body;"),
            ("kv/mod.rs", "pub use crate::backend::Local;"),
        ] {
            assert_eq!(climbs(&[("kv.rs", "pub struct Kv;"), (file, text)]).len(), 1, "{file}: {text}");
        }
    }

    #[test]
    fn a_path_through_a_module_above_climbs_too() {
        let faults =
            climbs(&[("kv.rs", "pub use crate::error::Error;"), ("body.rs", "use crate::kv::Error;")]);
        assert_eq!(
            faults,
            ["crates/cloudflare-clients/src/body.rs:1 imports crate::kv::Error (error.rs): \
                 `body` (ground) may not import `kv` (services)"]
        );
    }

    #[test]
    fn the_face_is_imported_by_nobody() {
        let faces = [("lib.rs", "mod error; mod kv; pub struct Own;"), ("kv.rs", "use crate::Own;")];
        assert_eq!(climbs(&faces).len(), 1);
    }

    #[test]
    fn the_table_has_every_module_and_no_other() {
        assert_eq!(unlisted(&["error", "body", "kv", "r2", "backend"].into(), &LAYERS), [""; 0]);
        let faults = unlisted(&["error", "body", "kv", "r2", "wire"].into(), &LAYERS);
        assert_eq!(faults.len(), 2);
        assert!(
            faults[0].starts_with("`wire` is not in a layer") && faults[1].starts_with("`backend`, which")
        );
    }

    #[test]
    fn a_circle_of_files_has_to_be_listed() {
        let circle = imports(&[
            ("kv/mod.rs", "mod client; mod get; pub use client::Client;"),
            ("kv/client.rs", "use super::get::{Get, Read};\npub struct Client;"),
            ("kv/get.rs", "fn f(_: crate::kv::Client) {}"),
        ]);
        let faults = not_meant(&circle, &[]);
        assert_eq!(faults.len(), 1);
        for line in ["\n  kv/client.rs -> kv/get.rs: Get, Read\n", "\n  kv/get.rs -> kv/client.rs: Client\n"]
        {
            assert!(faults[0].contains(line), "{}", faults[0]);
        }

        let files = &["kv/get.rs", "kv/client.rs"];
        assert_eq!(not_meant(&circle, &[Circle { files, reason: "a handle and its builder" }]), [""; 0]);
        assert_eq!(not_meant(&circle, &[Circle { files, reason: "" }]).len(), 1, "no reason");
        let files = &["kv/get.rs", "kv/client.rs", "kv/put.rs"];
        assert_eq!(not_meant(&circle, &[Circle { files, reason: "too many" }]).len(), 2, "another circle");
        assert_eq!(not_meant(&imports(&[]), &[Circle { files, reason: "gone" }]).len(), 1, "no circle");
    }

    #[test]
    fn a_circle_has_eight_files_at_most() {
        let files = &["0.rs", "1.rs", "2.rs", "3.rs", "4.rs", "5.rs", "6.rs", "7.rs", "8.rs"];
        let import = |at: usize| Import {
            from: files[at].to_owned(),
            line: 1,
            path: String::new(),
            to: files[(at + 1) % files.len()].to_owned(),
            through: None,
            re_export: false,
        };
        let faults = not_meant(&(0..files.len()).map(import).collect(), &[Circle { files, reason: "large" }]);
        assert_eq!(faults.len(), 1);
        assert!(faults[0].contains("more than 8 files"));
    }

    #[test]
    fn the_page_shows_the_table() {
        let page = format!("# Architecture\n\n{}\n## Next", shown(&LAYERS));
        assert_eq!(outdated(&page, &LAYERS), None);
        assert!(outdated(&page, &LAYERS[1..]).unwrap().contains("| services | `kv`, `r2` | nothing |\n"));
        assert!(page.contains("| ground | `error`, `body` | those before |\n"));
    }
}
