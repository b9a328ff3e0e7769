//! Building `cfstore` for one target.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use super::release::Release;
use crate::command::run;
use crate::install;
use crate::report::Stop;

/// The targets whose programs need nothing of the system that they run on.
pub(crate) const STATIC: [&str; 2] = ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"];

/// A program that was built.
#[derive(Debug)]
pub(crate) struct Binary {
    /// The target's triple.
    pub(crate) target: String,
    pub(crate) path: PathBuf,
    pub(crate) version: String,
}

impl Binary {
    pub(crate) fn is_static(&self) -> bool {
        STATIC.contains(&self.target.as_str())
    }

    /// A command that runs the program here, in QEMU where it is one of another processor.
    pub(crate) fn command(&self, release: &Release<'_>) -> Result<Command, Stop> {
        let processor = self.target.split('-').next().unwrap_or_default();
        if processor == env::consts::ARCH {
            return Ok(release.context.workspace.command(&self.path));
        }
        let emulator = format!("qemu-{processor}");
        install::system(release.context, &emulator, "qemu-user")?;
        let mut command = release.context.workspace.command(emulator);
        command.arg(&self.path);
        Ok(command)
    }
}

pub(super) fn build(release: &Release<'_>, target: &str) -> Result<Binary, Stop> {
    let workspace = release.context.workspace;
    let mut build = if STATIC.contains(&target) {
        install::zigbuild(release.context)?
    } else {
        workspace.cargo(["build"])
    };
    build.args(["--locked", "--profile", "dist", "--package", "cfstore", "--target", target]);
    run(build.env("SOURCE_DATE_EPOCH", release.source_date_epoch.to_string()))?;
    let program = if target.contains("windows") { "cfstore.exe" } else { "cfstore" };
    let path = workspace.target.join(target).join("dist").join(program);
    Ok(Binary { target: target.to_owned(), path, version: release.version.clone() })
}
