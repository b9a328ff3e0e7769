//! `cfstore_VERSION-1_ARCHITECTURE.deb`, by cargo-deb. What goes where is in crates/cfstore/Cargo.toml, under
//! `[package.metadata.deb]`.

use std::fs;
use std::io;
use std::path::Path;

use super::build::Binary;
use super::contents::Contents;
use super::release::Release;
use crate::command::run;
use crate::install;
use crate::report::Stop;

const CARGO_DEB: &str = "3.8.0";

/// The maintainer of a package that nobody has published yet.
pub(super) const MAINTAINER: &str = "The cloudflare-clients authors";

pub(super) fn write(
    release: &Release<'_>,
    binary: &Binary,
    contents: &Contents,
    maintainer: &str,
) -> Result<(), Stop> {
    let workspace = release.context.workspace;
    // Beside the program: cargo-deb finds there what it calls target/release.
    let beside = binary.path.with_file_name("contents");
    copy(&contents.folder, &beside).map_err(|error| Stop::failed(&beside.display().to_string(), &error))?;
    let cargo_deb = install::program_of_crate(release.context, "cargo-deb", CARGO_DEB, "")?;
    let mut package = workspace.command(cargo_deb);
    package
        .args(["--package", "cfstore", "--profile", "dist", "--target", &binary.target])
        .args(["--no-build", "--no-strip", "--locked", "--maintainer", maintainer, "--output"])
        .arg(&release.folder)
        .env("SOURCE_DATE_EPOCH", release.source_date_epoch.to_string());
    run(&mut package)
}

/// Copies a folder and all in it in place of an older copy.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
