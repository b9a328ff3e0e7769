//! The folders of the repository.

use std::path::PathBuf;
use std::process::Command;

/// The repository and its build folder. Everything that xtask creates is in the build folder.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// `CARGO_TARGET_DIR`, or the folder in cargo's configuration, or `target/`.
    pub(crate) target: PathBuf,
}

impl Workspace {
    pub(crate) fn open() -> Result<Self, String> {
        // Cargo knows the folders: a build folder that two clones share may contain the other one's xtask.
        let output = Command::new("cargo")
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .map_err(|error| format!("cargo metadata: {error}"))?;
        let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)
            .map_err(|_| format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim()))?;
        let folder = |name: &str| {
            metadata[name]
                .as_str()
                .map(PathBuf::from)
                .ok_or(format!("cargo metadata does not contain {name}"))
        };
        Ok(Self { root: folder("workspace_root")?, target: folder("target_directory")? })
    }

    /// Path of a program or script of the repository that uses third-party software.
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
