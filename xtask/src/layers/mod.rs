//! Whether the library keeps to its layers: no import climbs, and files import each other in a circle only where that is meant.

mod circles;
mod imports;
mod paths;
mod read;
mod rules;
mod table;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use self::circles::circles;
use self::imports::Import;
use self::read::{Crate, Sources};
use self::table::{CIRCLES, LAYERS};
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
    println!("{}\n", summary(&library, &imports));

    let mut faults = rules::unlisted(&library.top_modules(), LAYERS);
    faults.extend(rules::climbing(&imports, LAYERS));
    faults.extend(rules::not_meant(&imports, CIRCLES));
    faults.extend(rules::outdated(&page, LAYERS));
    for fault in &faults {
        println!("{}{fault}", if fault.contains('\n') { "\n" } else { "" });
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
    let pairs = rules::between_files(imports);
    let of_modules = circles(&rules::between_top_modules(imports));
    let of_files = circles(&pairs);
    let mut text = format!(
        "{} files, {} imports of another file, {} pairs of files\ncircles of top modules: {}",
        library.files().len(),
        imports.len(),
        pairs.len(),
        of_modules.len()
    );
    for circle in of_modules {
        let _ = write!(text, "\n  {}: {}", circle.len(), rules::list(circle));
    }
    let _ = write!(text, "\ncircles of files: {}", of_files.len());
    for circle in of_files {
        let meant = CIRCLES.iter().find(|meant| meant.is(&circle));
        let reason = meant.map_or("not meant", |meant| meant.reason);
        let _ = write!(text, "\n  {}: {} ({reason})", circle.len(), rules::list(circle));
    }
    text
}
