//! Whether the library keeps to its layers: no import climbs, and files import each other in a circle only where that is meant.

mod circles;
mod imports;
mod paths;
mod read;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use self::circles::circles;
use self::imports::Import;
use self::read::{Crate, Sources};
use self::table::{CIRCLES, Circle, LAYERS, Layer, MOST_FILES, Within};
use crate::report::{Stop, Tally};
use crate::workspace::Workspace;

const LIBRARY: &str = "crates/cloudflare-clients/src";
const PAGE: &str = "docs/architecture.md";

pub(crate) fn check(workspace: &Workspace) -> Result<Tally, Stop> {
    let mut sources = Sources::new();
    load(&workspace.root.join(LIBRARY), "", &mut sources).map_err(|error| Stop::failed(LIBRARY, &error))?;
    let page = fs::read_to_string(workspace.root.join(PAGE)).map_err(|error| Stop::failed(PAGE, &error))?;
    let library = Crate::read(&sources).map_err(Stop::Failed)?;
    let imports = library.imports();
    println!("{}", summary(&library, &imports));

    let mut faults = unlisted(&library.top_modules(), LAYERS);
    faults.extend(climbing(&imports, LAYERS));
    faults.extend(not_meant(&imports, CIRCLES));
    faults.extend(outdated(&page, LAYERS));
    for fault in &faults {
        println!("\n{fault}");
    }
    match faults.len() {
        0 => Ok(Tally::ONE_PASSED),
        faults => Err(Stop::Failed(format!("{faults} faults"))),
    }
}

fn load(folder: &Path, below: &str, sources: &mut Sources) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            load(&path, &format!("{below}{name}/"), sources)?;
        } else if name.ends_with(".rs") {
            sources.insert(format!("{below}{name}"), fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

fn summary(library: &Crate, imports: &BTreeSet<Import>) -> String {
    let files = between_files(imports);
    let tops = circles(&between_top_modules(imports));
    let knots = circles(&files);
    let mut text = format!(
        "{} files, {} imports of another file ({} pairs of files)\ncircles of top modules: {}",
        library.files().len(),
        imports.len(),
        files.len(),
        tops.len()
    );
    for circle in tops {
        let _ = write!(text, "\n  {}: {}", circle.len(), list(circle));
    }
    let _ = write!(text, "\ncircles of files: {}", knots.len());
    for circle in knots {
        let _ = write!(text, "\n  {}: {}", circle.len(), list(circle));
    }
    text
}

/// What a facade passes on makes no circle: else each `mod.rs` would be in one with its files.
fn between_files(imports: &BTreeSet<Import>) -> BTreeSet<(&str, &str)> {
    let own = imports.iter().filter(|import| !import.re_export && import.from != import.to);
    own.map(|import| (import.from.as_str(), import.to.as_str())).collect()
}

/// `lib.rs` is left out: it is the face of all.
fn between_top_modules(imports: &BTreeSet<Import>) -> BTreeSet<(&str, &str)> {
    imports.iter().flat_map(imported).collect()
}

/// The top module that imports, with each that is imported: where the item is defined, and where its path begins.
fn imported(import: &Import) -> BTreeSet<(&str, &str)> {
    let from = top_module(&import.from);
    let to = [Some(top_module(&import.to)), import.through.as_deref()];
    let pairs = to.into_iter().flatten().map(|to| (from, to));
    pairs.filter(|(from, to)| from != to && *from != FACE).collect()
}

const FACE: &str = "lib";

fn top_module(file: &str) -> &str {
    file.split_once('/').map_or(file.trim_end_matches(".rs"), |(folder, _)| folder)
}

/// Where a module is: the index of its layer, and its own index within.
fn place(module: &str, layers: &[Layer]) -> Option<(usize, usize)> {
    layers.iter().enumerate().find_map(|(row, layer)| {
        layer.modules.iter().position(|listed| *listed == module).map(|column| (row, column))
    })
}

fn unlisted(top_modules: &BTreeSet<&str>, layers: &[Layer]) -> Vec<String> {
    let mut faults = Vec::new();
    for module in top_modules.iter().filter(|module| place(module, layers).is_none()) {
        faults.push(format!("`{module}` is in no layer: give it a place in xtask/src/layers/table.rs"));
    }
    for module in layers.iter().flat_map(|layer| layer.modules) {
        if !top_modules.contains(module) {
            faults.push(format!(
                "`{module}`, which xtask/src/layers/table.rs lists, is not a module of lib.rs"
            ));
        }
    }
    faults
}

fn climbing(imports: &BTreeSet<Import>, layers: &[Layer]) -> Vec<String> {
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

/// Of a module without a place nothing can be said.
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

fn not_meant(imports: &BTreeSet<Import>, meant: &[Circle]) -> Vec<String> {
    let edges = between_files(imports);
    let found = circles(&edges);
    let mut faults = Vec::new();
    for circle in &found {
        if !meant.iter().any(|meant| meant.files.iter().copied().collect::<BTreeSet<_>>() == *circle) {
            faults.push(format!(
                "{} files import each other in a circle that is not listed in xtask/src/layers/table.rs:{}",
                circle.len(),
                drawn(circle, imports)
            ));
        }
    }
    for circle in meant {
        let files: BTreeSet<_> = circle.files.iter().copied().collect();
        if !found.contains(&files) {
            faults.push(format!("The listed circle of {} does not exist", list(files)));
        } else if files.len() > MOST_FILES {
            faults.push(format!("The circle of {} has more than {MOST_FILES} files", list(files)));
        }
        if circle.reason.is_empty() {
            faults.push(format!("The listed circle of {} has no reason", circle.files.join(", ")));
        }
    }
    faults
}

/// The imports of a circle, a line for each pair of files.
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

fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}

fn outdated(page: &str, layers: &[Layer]) -> Option<String> {
    let shown = shown(layers);
    (!page.contains(&shown))
        .then(|| format!("{PAGE} does not show the layers as they are; they are\n\n{shown}"))
}

/// The layers, as the page about the architecture has them.
fn shown(layers: &[Layer]) -> String {
    let mut text = String::from(
        "<!-- from xtask/src/layers/table.rs; `cargo xtask check layers` compares -->\n\
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
