//! Checks that the library keeps to its layers, and that the files of each crate import each other in a cycle
//! only where the table lists it.

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
use self::table::{CIRCLES, Circle, LAYERS, LIBRARY, PAGE};
use crate::report::{Stop, Tally};
use crate::workspace::Workspace;

pub(crate) fn check(workspace: &Workspace) -> Result<Tally, Stop> {
    let page = fs::read_to_string(workspace.root.join(PAGE)).map_err(|error| Stop::failed(PAGE, &error))?;
    let mut faults: Vec<String> = rules::outdated(&page, LAYERS).into_iter().collect();
    for (folder, meant) in CIRCLES {
        let mut sources = Sources::new();
        load(&workspace.root.join(folder), "", &mut sources).map_err(|error| Stop::failed(folder, &error))?;
        let source = Crate::read(&sources).map_err(|error| Stop::Failed(format!("{folder}: {error}")))?;
        let imports = source.imports();
        println!("{folder}: {}\n", summary(&source, &imports, meant));
        faults.extend(
            source
                .unread(&sources)
                .into_iter()
                .map(|file| format!("{folder}/{file} is not declared by any `mod`")),
        );
        faults.extend(
            rules::modules_in_circles(&imports).into_iter().map(|fault| format!("{folder}: {fault}")),
        );
        if *folder == LIBRARY {
            faults.extend(rules::unlisted(&source.top_modules(), LAYERS));
            faults.extend(rules::climbing(&imports, LAYERS));
        }
        faults
            .extend(rules::not_meant(&imports, meant).into_iter().map(|fault| format!("{folder}: {fault}")));
    }
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

fn summary(source: &Crate, imports: &BTreeSet<Import>, meant: &[Circle]) -> String {
    let pairs = rules::between_files(imports);
    let of_modules = circles(&rules::between_top_modules(imports));
    let of_files = circles(&pairs);
    let mut text = format!(
        "{} files, {} imports of another file, {} pairs of files\ncircles of top modules: {}",
        source.files().len(),
        imports.len(),
        pairs.len(),
        of_modules.len()
    );
    for circle in of_modules {
        let _ = write!(text, "\n  {}: {}", circle.len(), rules::list(circle));
    }
    let _ = write!(text, "\ncircles of files: {}", of_files.len());
    for circle in of_files {
        let meant = meant.iter().find(|meant| meant.is(&circle));
        let reason = meant.map_or("not meant", |meant| meant.reason);
        let _ = write!(text, "\n  {}: {} ({reason})", circle.len(), rules::list(circle));
    }
    text
}
