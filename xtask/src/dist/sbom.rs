//! `cfstore-VERSION-TRIPLE.cdx.json`: the SBOM of a program in the `CycloneDX` format, by cargo-cyclonedx.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::build::Binary;
use super::release::Release;
use crate::command::{read, run};
use crate::install;
use crate::report::Stop;

pub(super) fn write(release: &Release<'_>, binary: &Binary) -> Result<(), Stop> {
    let workspace = release.context.workspace;
    let program = install::program_of_crate(release.context, "cargo-cyclonedx", "0.5.9", "")?;
    let name = format!("cfstore-{}-{}.cdx", binary.version, binary.target);
    let mut cyclonedx = workspace.command(program);
    cyclonedx.args(["cyclonedx", "--format", "json", "--spec-version", "1.5", "--no-build-deps"]);
    cyclonedx.args(["--manifest-path", "crates/cfstore/Cargo.toml", "--target", &binary.target]);
    cyclonedx.args(["--override-filename", &name]);
    run(cyclonedx.env("SOURCE_DATE_EPOCH", release.source_date_epoch.to_string()))?;
    gather(release, &format!("{name}.json"))
}

/// cargo-cyclonedx writes an SBOM next to the manifest of each package. Only that of cfstore is kept.
fn gather(release: &Release<'_>, name: &str) -> Result<(), Stop> {
    let metadata =
        read(&mut release.context.workspace.cargo(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value =
        serde_json::from_str(&metadata).map_err(|error| Stop::Failed(format!("cargo metadata: {error}")))?;
    let failed = |error: std::io::Error| Stop::failed(name, &error);
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
        let written = manifest.with_file_name(name);
        if package["name"] == "cfstore" {
            fs::copy(&written, release.folder.join(name)).map_err(failed)?;
        }
        if written.exists() {
            fs::remove_file(&written).map_err(failed)?;
        }
    }
    Ok(())
}
