//! `cfstore_VERSION-1_ARCHITECTURE.deb`, by cargo-deb. What goes where is in crates/cfstore/Cargo.toml, under
//! `[package.metadata.deb]`.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use flate2::{Compression, GzBuilder};

use super::build::Binary;
use super::contents::Contents;
use super::release::Release;
use crate::command::run;
use crate::install;
use crate::report::Stop;

const CARGO_DEB: &str = "3.8.0";

/// The maintainer of a package that is not published.
pub(super) const MAINTAINER: &str = "The cloudflare-clients authors";

pub(super) fn write(
    release: &Release<'_>,
    binary: &Binary,
    contents: &Contents,
    maintainer: &str,
) -> Result<(), Stop> {
    let workspace = release.context.workspace;
    // cargo-deb looks next to the program for paths that begin with target/release.
    let beside = binary.path.with_file_name("debian");
    lay_out(&contents.folder, &beside)
        .map_err(|error| Stop::failed(&beside.display().to_string(), &error))?;
    let cargo_deb = install::program_of_crate(release.context, "cargo-deb", CARGO_DEB, "")?;
    let mut package = workspace.command(cargo_deb);
    package
        .args(["--package", "cfstore", "--profile", "small", "--target", &binary.target])
        .args(["--no-build", "--no-strip", "--locked", "--maintainer", maintainer, "--output"])
        .arg(&release.folder)
        .env("SOURCE_DATE_EPOCH", release.source_date_epoch.to_string());
    run(&mut package)
}

/// Copies the package's files from those of the archive, and replaces an older copy.
fn lay_out(contents: &Path, folder: &Path) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    for part in ["completions", "man"] {
        fs::create_dir_all(folder.join(part))?;
    }
    fs::copy(contents.join("THIRD-PARTY.md"), folder.join("THIRD-PARTY.md"))?;
    compress(&contents.join("CHANGELOG.md"), &folder.join("changelog.gz"))?;
    for entry in fs::read_dir(contents.join("completions"))? {
        let entry = entry?;
        fs::copy(entry.path(), folder.join("completions").join(entry.file_name()))?;
    }
    for entry in fs::read_dir(contents.join("man"))? {
        let entry = entry?;
        let name = format!("{}.gz", entry.file_name().display());
        compress(&entry.path(), &folder.join("man").join(name))?;
    }
    Ok(())
}

/// Compresses a text, as Debian requires. cargo-deb does not compress files of the build folder.
fn compress(from: &Path, to: &Path) -> io::Result<()> {
    let mut file = GzBuilder::new().write(File::create(to)?, Compression::best());
    file.write_all(&fs::read(from)?)?;
    file.finish().map(drop)
}
