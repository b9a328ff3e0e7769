//! A copy of the repository with the addresses in its manifests. The working tree does not change.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::addresses::Addresses;
use crate::command::{read, run};
use crate::report::Stop;
use crate::workspace::Workspace;

/// The published crates, each after its dependencies.
pub(super) const CRATES: [&str; 3] = ["cloudflare-clients", "cloudflare-emulator", "cfstore"];

#[derive(Debug)]
pub(super) struct Stage {
    root: PathBuf,
}

impl Stage {
    /// Makes a clone with the files of the working tree. A clone, so that packages record their commit.
    pub(super) fn make(workspace: &Workspace, addresses: &Addresses) -> Result<Self, Stop> {
        let root = workspace.target.join("publish/stage");
        let failed = |error: io::Error| Stop::failed(&root.display().to_string(), &error);
        if root.exists() {
            fs::remove_dir_all(&root).map_err(failed)?;
        }
        fs::create_dir_all(root.parent().unwrap_or(&root)).map_err(failed)?;
        let mut clone = workspace.command("git");
        run(clone.args(["clone", "--quiet", "--no-checkout", "--no-hardlinks", "."]).arg(&root))?;
        for file in tracked(workspace)? {
            copy(&workspace.root.join(&file), &root.join(&file)).map_err(failed)?;
        }
        for name in CRATES {
            let manifest = root.join("crates").join(name).join("Cargo.toml");
            let text = fs::read_to_string(&manifest).map_err(failed)?;
            let (package, rest) = text.split_once("\n\n").ok_or_else(|| {
                Stop::Failed(format!("{}: the table [package] has no end", manifest.display()))
            })?;
            fs::write(&manifest, format!("{package}\n{}\n{rest}", addresses.lines())).map_err(failed)?;
        }
        Ok(Self { root })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }
}

/// The files of the working tree that git tracks or does not ignore.
fn tracked(workspace: &Workspace) -> Result<Vec<PathBuf>, Stop> {
    let mut files = workspace.command("git");
    files.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let names = read(&mut files)?;
    let names = names.split('\0').filter(|name| !name.is_empty());
    Ok(names.map(PathBuf::from).filter(|name| workspace.root.join(name).symlink_metadata().is_ok()).collect())
}

/// Copies a link as a link.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to.parent().unwrap_or(to))?;
    #[cfg(unix)]
    if from.is_symlink() {
        return std::os::unix::fs::symlink(fs::read_link(from)?, to);
    }
    fs::copy(from, to).map(drop)
}
