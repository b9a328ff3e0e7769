//! The Workers of this repository: crates for wasm32, each a separate workspace.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::context::Context;
use crate::install;
use crate::report::Stop;
use crate::workspace::Workspace;

/// Builds a Worker in release mode. Returns the folder that contains `index.js` and `index_bg.wasm`.
pub(crate) fn build(context: &Context<'_>, folder: impl AsRef<Path>) -> Result<PathBuf, Stop> {
    let workspace = context.workspace;
    let folder = workspace.root.join(folder);
    let packages = install::node(context)?;
    let toolchain = install::wasm(context)?;
    let programs = install::worker_build(context)?;
    let mut command = toolchain.command(workspace, programs.join("worker-build"));
    command
        // Without wasm-opt, which worker-build would download.
        .args(["--release", "--no-opt", ".", "--locked"])
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", target(workspace))
        .env("WASM_BINDGEN_BIN", programs.join("wasm-bindgen"))
        .env("ESBUILD_BIN", packages.join("node_modules/.bin/esbuild"));
    crate::command::run(&mut command)?;
    Ok(folder.join("build"))
}

/// The build folder that all Workers share.
pub(crate) fn target(workspace: &Workspace) -> PathBuf {
    workspace.target.join("workers")
}

/// The folders of all Workers, relative to the root.
pub(crate) fn crates(workspace: &Workspace) -> Result<Vec<PathBuf>, Stop> {
    let mut crates = vec![PathBuf::from("tests/worker")];
    for parent in ["examples", "benches/playlist", "benches/worker-size"] {
        let failed = |error: io::Error| Stop::failed(parent, &error);
        for entry in fs::read_dir(workspace.root.join(parent)).map_err(failed)? {
            crates.push(Path::new(parent).join(entry.map_err(failed)?.file_name()));
        }
    }
    // Only crates that are libraries for JavaScript are Workers.
    crates.retain(|folder| {
        let manifest = fs::read_to_string(workspace.root.join(folder).join("Cargo.toml"));
        manifest.is_ok_and(|manifest| manifest.contains("\"cdylib\""))
    });
    crates.sort();
    Ok(crates)
}
