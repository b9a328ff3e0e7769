//! The public interfaces of the published crates, one item per line, as in `docs/public-api`: generated from
//! rustdoc's JSON.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use public_api::{Builder, PublicApi};
use serde::Deserialize;

use crate::command::run;
use crate::report::{Stop, Tally};
use crate::wasm::{self, Toolchain};
use crate::workspace::Workspace;

/// Name of the check.
pub(crate) const NAME: &str = "public-api";

/// The command that accepts the current interface.
const ACCEPT: &str = "cargo xtask check public-api --accept";

/// The format version of rustdoc's JSON that the crate `public-api` in the version of `Cargo.toml` reads.
const FORMAT: u32 = 57;

const LIBRARY: &str = "cloudflare-clients";

/// The interface of a published crate for one kind of program.
struct Face {
    package: &'static str,
    /// Name of its file in `docs/public-api`.
    file: &'static str,
    /// `None` means this machine.
    target: Option<&'static str>,
    features: &'static [&'static str],
}

const FACES: [Face; 3] = [
    Face { package: LIBRARY, file: "native.txt", target: None, features: &["--all-features"] },
    Face {
        package: LIBRARY,
        file: "worker.txt",
        target: Some(wasm::TARGET),
        features: &["--no-default-features", "--features", "workers,analytics"],
    },
    Face { package: "cloudflare-emulator", file: "emulator.txt", target: None, features: &[] },
];

/// Compares the interface with the one in the repository, and prints the difference.
pub(crate) fn check(workspace: &Workspace) -> Result<Tally, Stop> {
    let mut tally = Tally::default();
    for face in &FACES {
        if face.is_for_debian(workspace) {
            println!("{} is not compared: only Debian's Rust has the target", face.file);
            continue;
        }
        let interface = match face.read(workspace) {
            Err(Stop::Skipped(why)) => {
                println!("{} is not compared: {why}", face.file);
                tally.skipped += 1;
                continue;
            }
            read => read?,
        };
        let path = face.path(workspace);
        let accepted = fs::read_to_string(&path).unwrap_or_default();
        match difference(&accepted, &interface) {
            None => tally.passed += 1,
            Some(difference) => {
                println!("{}:\n{difference}", path.display());
                tally.failed += 1;
            }
        }
    }
    if tally.failed > 0 {
        println!("\nThe public interface has changed. If that is intended: {ACCEPT}");
    }
    Ok(tally)
}

/// Writes the interface into the repository.
pub(crate) fn accept(workspace: &Workspace) -> Result<Tally, Stop> {
    for face in &FACES {
        let (path, interface) = (face.path(workspace), face.read(workspace)?);
        write(&path, &interface).map_err(|error| Stop::failed(&path.display().to_string(), &error))?;
    }
    Ok(Tally { passed: FACES.len(), ..Tally::default() })
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::write(path, text)
}

impl Face {
    fn path(&self, workspace: &Workspace) -> std::path::PathBuf {
        workspace.root.join("docs/public-api").join(self.file)
    }

    /// Whether no other toolchain can generate it. Debian's has a different version, which may name items of
    /// the standard library differently.
    fn is_for_debian(&self, workspace: &Workspace) -> bool {
        self.target.is_some() && matches!(Toolchain::find(workspace), Some(Toolchain::Debian))
    }

    fn read(&self, workspace: &Workspace) -> Result<String, Stop> {
        let mut cargo = workspace.cargo(["rustdoc", "--lib", "-p", self.package]);
        cargo.args(self.features);
        let mut folder = workspace.target.clone();
        if let Some(target) = self.target {
            if !matches!(Toolchain::find(workspace), Some(Toolchain::Default)) {
                let how = format!("the target is not installed: rustup target add {target}");
                return Err(Stop::Skipped(how));
            }
            cargo.args(["--target", target]);
            folder.push(target);
        }
        rustdoc_json(workspace, &mut cargo)?;
        interface(&folder.join("doc").join(self.package.replace('-', "_")).with_extension("json"))
    }
}

fn rustdoc_json(workspace: &Workspace, cargo: &mut Command) -> Result<(), Stop> {
    // Lints are part of other checks.
    cargo
        .env("RUSTDOC", workspace.root.join("xtask/rustdoc-json.sh"))
        .env("RUSTDOCFLAGS", "--cap-lints allow");
    run(cargo)
}

#[derive(Deserialize)]
struct Format {
    format_version: u32,
}

/// Generates one line per item from rustdoc's JSON.
fn interface(json: &Path) -> Result<String, Stop> {
    let failed = |error: &dyn std::fmt::Display| Stop::Failed(format!("{}: {error}", json.display()));
    let text = fs::read(json).map_err(|error| failed(&error))?;
    let Format { format_version } = serde_json::from_slice(&text).map_err(|error| failed(&error))?;
    if format_version != FORMAT {
        return Err(Stop::Skipped(format!(
            "this rustdoc writes JSON in format {format_version}, and the crate public-api reads format {FORMAT}: use Rust 1.95, \
             or set the version of public-api in Cargo.toml to the one for this Rust"
        )));
    }
    let build = |omit_derived| {
        let builder = Builder::from_rustdoc_json(json).omit_blanket_impls(true).omit_auto_trait_impls(true);
        builder.omit_auto_derived_impls(omit_derived).build().map_err(|error| failed(&error))
    };
    let lines = |api: PublicApi| api.into_items().map(|item| item.to_string()).collect::<Vec<_>>();
    let written: HashSet<_> = lines(build(true)?).into_iter().collect();
    // For a derived impl, its first line is enough.
    let mut lines = lines(build(false)?);
    lines.retain(|line| {
        written.contains(line) || (line.starts_with("impl") && !line.contains("::StructuralPartialEq "))
    });
    Ok(lines.join("\n") + "\n")
}

/// The lines that are in only one of the texts, in order: first the removed ones, then the added ones.
fn difference(before: &str, after: &str) -> Option<String> {
    if before == after {
        return None;
    }
    let only_in = |text: &str, other: &str, sign: &'static str| {
        let other: HashSet<_> = other.lines().collect();
        let lines = text.lines().filter(|line| !other.contains(line));
        lines.flat_map(|line| [sign, line, "\n"]).collect::<String>()
    };
    let lines = only_in(before, after, "- ") + &only_in(after, before, "+ ");
    Some(if lines.is_empty() { "the same items, in a different order or number\n".to_owned() } else { lines })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_has_what_went_and_what_came() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(difference("a\nb\nc\n", "a\nc\nd\n").unwrap(), "- b\n+ d\n");
        assert!(difference("a\nb\n", "b\na\n").unwrap().contains("a different order"));
    }

    #[test]
    fn another_format_is_named() {
        let json = std::env::temp_dir().join(format!("public-api-{}.json", std::process::id()));
        fs::write(&json, "{\"root\":0,\"format_version\":1}").unwrap();
        let refused = interface(&json);
        fs::remove_file(&json).unwrap();
        let Err(Stop::Skipped(why)) = refused else { panic!("{refused:?}") };
        assert!(why.contains("in format 1,") && why.contains(&format!("reads format {FORMAT}")), "{why}");
    }
}
