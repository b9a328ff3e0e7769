//! Where things are.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository and its build folder. Everything that xtask makes is in the build folder.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// `CARGO_TARGET_DIR`, or what cargo's configuration says, or `target/`.
    pub(crate) target: PathBuf,
}

impl Workspace {
    pub(crate) fn open() -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .map(Path::to_owned)
            .ok_or("xtask is not inside the repository")?;
        let output = Command::new("cargo")
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .current_dir(&root)
            .output()
            .map_err(|error| format!("cargo metadata: {error}"))?;
        let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)
            .map_err(|_| format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim()))?;
        let target =
            metadata["target_directory"].as_str().ok_or("cargo metadata names no target directory")?;
        Ok(Self { root, target: target.into() })
    }

    /// A program or script of the repository that talks to software made by others.
    pub(crate) fn interop(&self, name: &str) -> PathBuf {
        self.root.join("tests/interop").join(name)
    }

    /// Where that software is installed and where its servers keep their data and logs.
    pub(crate) fn installed(&self, name: &str) -> PathBuf {
        self.target.join("interop").join(name)
    }

    /// A command that runs in the root of the repository.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }

    pub(crate) fn cargo<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = self.command("cargo");
        command.args(arguments);
        command
    }
}
