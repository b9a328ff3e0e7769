//! `cfstore-VERSION-TRIPLE.cdx.json`: what a program is made of, in the format `CycloneDX`, by cargo-cyclonedx.

use std::fs;

use super::build::Binary;
use super::release::Release;
use crate::command::run;
use crate::install;
use crate::report::Stop;

pub(super) fn write(release: &Release<'_>, binary: &Binary) -> Result<(), Stop> {
    let workspace = release.context.workspace;
    let program = install::program_of_crate(release.context, "cargo-cyclonedx", "0.5.9", "")?;
    let name = format!("cfstore-{}-{}.cdx", binary.version, binary.target);
    let mut cyclonedx = workspace.command(program);
    cyclonedx.args(["cyclonedx", "--format", "json", "--spec-version", "1.5", "--describe", "binaries"]);
    cyclonedx.args(["--manifest-path", "crates/cfstore/Cargo.toml", "--target", &binary.target]);
    cyclonedx.args(["--override-filename", &name]);
    run(cyclonedx.env("SOURCE_DATE_EPOCH", release.source_date_epoch.to_string()))?;
    // It writes beside the manifest.
    let (name, manifest) = (format!("{name}.json"), workspace.root.join("crates/cfstore"));
    let failed = |error: std::io::Error| Stop::failed(&name, &error);
    fs::copy(manifest.join(&name), release.folder.join(&name)).map_err(failed)?;
    fs::remove_file(manifest.join(&name)).map_err(failed)
}
