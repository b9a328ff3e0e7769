//! `THIRD-PARTY.md`: the licences of all code linked into a program, by cargo-about.

use std::path::Path;

use super::build::Binary;
use super::release::Release;
use crate::command::run;
use crate::install;
use crate::report::Stop;

pub(super) fn write(release: &Release<'_>, binary: &Binary, file: &Path) -> Result<(), Stop> {
    let workspace = release.context.workspace;
    let about = install::program_of_crate(release.context, "cargo-about", "0.9.3", "cli")?;
    let mut generate = workspace.command(about);
    generate.args(["generate", "--offline", "--fail", "--config", "packaging/about.toml"]);
    generate.args(["--manifest-path", "crates/cfstore/Cargo.toml", "--target", &binary.target]);
    run(generate.arg("--output-file").arg(file).arg("packaging/third-party.hbs"))
}
