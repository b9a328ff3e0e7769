//! The toolchain that compiles for Workers.

use std::path::Path;
use std::process::Command;

use crate::workspace::Workspace;

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

#[derive(Clone, Copy, Debug)]
pub(crate) enum Toolchain {
    Default,
    /// Debian's Rust, which `debian-wasm.sh` links to rustup under this name.
    Debian,
}

impl Toolchain {
    /// The first toolchain that has the target.
    pub(crate) fn find(workspace: &Workspace) -> Option<Self> {
        [Self::Default, Self::Debian].into_iter().find(|toolchain| toolchain.has_target(workspace))
    }

    /// A command that uses this toolchain for cargo and rustc.
    pub(crate) fn command(self, workspace: &Workspace, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = workspace.command(program);
        if let Self::Debian = self {
            command.env("RUSTUP_TOOLCHAIN", "debian");
        }
        command
    }

    fn has_target(self, workspace: &Workspace) -> bool {
        let mut rustc = self.command(workspace, "rustc");
        rustc.args(["--print", "target-libdir", "--target", TARGET]).output().is_ok_and(|output| {
            output.status.success() && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
        })
    }
}
