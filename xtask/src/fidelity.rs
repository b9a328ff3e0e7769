//! Checks that every difference in the emulator's docs/fidelity.md names a test that exists, or the reason
//! why it has none.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use crate::report::{Stop, Tally};
use crate::workspace::Workspace;

const PAGE: &str = "crates/cloudflare-emulator/docs/fidelity.md";

/// The folders with tests.
const FOLDERS: &[&str] = &["crates", "tests/emulator", "tests/library", "tests/program"];

pub(crate) fn check(workspace: &Workspace) -> Result<Tally, Stop> {
    let page = fs::read_to_string(workspace.root.join(PAGE)).map_err(|error| Stop::failed(PAGE, &error))?;
    let mut sources = Sources::new();
    for folder in FOLDERS {
        load(&workspace.root.join(folder), &mut sources).map_err(|error| Stop::failed(folder, &error))?;
    }
    let faults = faults(&page, &sources);
    for fault in &faults {
        println!("{PAGE}:{fault}");
    }
    match faults.len() {
        0 => Ok(Tally::ONE_PASSED),
        faults => Err(Stop::Failed(format!("{faults} faults"))),
    }
}

/// The text of each file, by path.
type Sources = BTreeMap<String, String>;

fn load(folder: &Path, sources: &mut Sources) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            load(&path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.insert(path.to_string_lossy().into_owned(), fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

/// The faults in tables whose last column is `Test`, each with its line number.
fn faults(page: &str, sources: &Sources) -> Vec<String> {
    let mut faults = Vec::new();
    let mut names_tests = false;
    for (line, number) in page.lines().zip(1..) {
        let Some(row) = line.strip_prefix('|').and_then(|row| row.strip_suffix('|')) else {
            names_tests = false;
            continue;
        };
        let last = row.rsplit('|').next().unwrap_or_default().trim();
        if last == "Test" {
            names_tests = true;
        } else if names_tests && last.is_empty() {
            faults.push(format!("{number} names neither a test nor a reason why it has none"));
        } else if names_tests {
            // Every second piece is between backticks.
            let paths = last.split('`').skip(1).step_by(2).filter(|text| text.contains("::"));
            let missing = paths.filter(|path| !is_test(path, sources));
            faults.extend(missing.map(|path| format!("{number} the test `{path}` does not exist")));
        }
    }
    faults
}

/// Whether `module::function` is a function in a file or folder with that name.
fn is_test(path: &str, sources: &Sources) -> bool {
    let mut modules: Vec<_> = path.split("::").collect();
    let name = format!("fn {}(", modules.pop().unwrap_or_default());
    sources.iter().any(|(file, text)| {
        let file = file.strip_suffix(".rs").unwrap_or(file);
        modules.iter().all(|module| file.split('/').any(|part| part == *module)) && text.contains(&name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_without_a_test_and_tests_that_are_not_there_are_named() {
        let sources = Sources::from([("crates/a/tests/it/lists.rs".into(), "async fn pages() {}".into())]);
        let page = "| Here | Test |\n|---|---|\n| a | `lists::pages` |\n| b | |\n| c | `lists::page`, `it::pages` |\n\
                    | d | none: one machine |\n| e | `other::pages` |\n\n| `x` | Why |\n| f | |\n";
        assert_eq!(
            faults(page, &sources),
            [
                "4 names neither a test nor a reason why it has none",
                "5 the test `lists::page` does not exist",
                "7 the test `other::pages` does not exist"
            ]
        );
    }
}
