//! Checks of a package's contents: licence texts, link targets, included files, and the manifest.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::packages::{Package, Packages};
use crate::report::{Stop, Tally};

const EVERY_PACKAGE_HAS: [&str; 4] = ["Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "README.md"];
const EVERY_MANIFEST_HAS: [&str; 5] = ["description", "license", "keywords", "categories", "rust-version"];

pub(super) fn check(packages: &Packages) -> Result<Tally, Stop> {
    let mut tally = Tally::default();
    for package in &packages.all {
        let failed = |error: io::Error| Stop::failed(package.name, &error);
        let faults = faults(package).map_err(failed)?;
        for fault in &faults {
            println!("{}: {fault}", package.name);
        }
        if faults.is_empty() {
            tally.passed += 1;
        } else {
            tally.failed += 1;
        }
    }
    Ok(tally)
}

fn faults(package: &Package) -> io::Result<Vec<String>> {
    let mut faults = Vec::new();
    for name in EVERY_PACKAGE_HAS {
        if !package.root.join(name).is_file() {
            faults.push(format!("it has no {name}"));
        }
    }
    let manifest = fs::read_to_string(package.root.join("Cargo.toml"))?;
    for field in EVERY_MANIFEST_HAS {
        if !manifest.lines().any(|line| line.starts_with(&format!("{field} = "))) {
            faults.push(format!("its manifest has no {field}"));
        }
    }
    if manifest.contains("\npath = \"../") {
        faults.push("its manifest has a path outside the package".into());
    }
    let mut files = Vec::new();
    walk(&package.root, &mut files)?;
    for file in files {
        let extension = file.extension().and_then(|extension| extension.to_str());
        let shown = file.strip_prefix(&package.root).unwrap_or(&file).display().to_string();
        match extension {
            Some("md") => {
                for target in links(&fs::read_to_string(&file)?) {
                    if !exists(&package.root, &file, &target) {
                        faults.push(format!("{shown} links to {target}, which the package lacks"));
                    }
                }
            }
            Some("rs") => {
                for target in included(&fs::read_to_string(&file)?) {
                    if !exists(&package.root, &file, &target) {
                        faults.push(format!("{shown} includes {target}, which the package lacks"));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(faults)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// Whether the package contains a file that this file names by a relative path.
fn exists(root: &Path, file: &Path, target: &str) -> bool {
    let folder = file.parent().unwrap_or(root);
    folder
        .join(target)
        .canonicalize()
        .is_ok_and(|path| root.canonicalize().is_ok_and(|root| path.starts_with(root)))
}

/// The link targets of a page that are files.
fn links(page: &str) -> Vec<String> {
    let targets = page.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let files = targets.map(|target| target.split(['#', ' ']).next().unwrap_or_default());
    files
        .filter(|target| !target.is_empty() && !target.contains("://") && !target.contains("::"))
        .map(str::to_owned)
        .collect()
}

/// The files that `include_str!` and `include_bytes!` name by a literal.
fn included(source: &str) -> Vec<String> {
    let calls = ["include_str!(\"", "include_bytes!(\""];
    calls
        .iter()
        .flat_map(|call| source.split(call).skip(1))
        .filter_map(|rest| rest.split_once('"'))
        .map(|(target, _)| target.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_files_are_found() {
        let page = "[a](docs/a.md#part) [b](https://a.example/b) [c](#c) [`d`](crate::d) [e](../e.md \"E\")";
        assert_eq!(links(page), ["docs/a.md", "../e.md"]);
    }

    #[test]
    fn includes_are_found() {
        let source = concat!("const A: &str = include_", "str!(\"a.txt\"); include_", "bytes!(\"../b\")");
        assert_eq!(included(source), ["a.txt", "../b"]);
    }
}
