//! The `.crate` files.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use super::stage::{CRATES, Stage};
use crate::command::run;
use crate::report::Stop;
use crate::workspace::Workspace;

/// Maximum size that the registry accepts: <https://doc.rust-lang.org/cargo/reference/publishing.html>
const MAX_SIZE: u64 = 10 << 20;

/// An unpacked package.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) name: &'static str,
    pub(super) root: PathBuf,
}

#[derive(Debug)]
pub(super) struct Packages {
    pub(super) all: Vec<Package>,
}

impl Packages {
    /// Packages and unpacks the crates of the stage.
    pub(super) fn make(workspace: &Workspace, stage: &Stage) -> Result<Self, Stop> {
        let target = workspace.target.join("publish/packages");
        let unpacked = workspace.target.join("publish/unpacked");
        let failed = |error: io::Error| Stop::failed(&target.display().to_string(), &error);
        for folder in [&target, &unpacked] {
            if folder.exists() {
                fs::remove_dir_all(folder).map_err(failed)?;
            }
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut package = workspace.cargo(["package", "--locked", "--no-verify", "--allow-dirty", "--quiet"]);
        package.current_dir(stage.root()).arg("--target-dir").arg(&target);
        for name in CRATES {
            package.args(["--package", name]);
        }
        run(&mut package)?;
        let mut all = Vec::new();
        for name in CRATES {
            let file = the_package(&target.join("package"), name)?;
            let size = fs::metadata(&file).map_err(failed)?.len();
            println!("{}: {} KiB", file.display(), size >> 10);
            if size > MAX_SIZE {
                return Err(Stop::Failed(format!(
                    "{name}: a package has {MAX_SIZE} bytes at most, not {size}"
                )));
            }
            let archive = File::open(&file).map_err(failed)?;
            tar::Archive::new(GzDecoder::new(archive)).unpack(&unpacked).map_err(failed)?;
            let folder = file.file_stem().map(|stem| unpacked.join(stem));
            all.push(Package { name, root: folder.unwrap_or_default() });
        }
        Ok(Self { all })
    }
}

/// Finds the package of a crate, whatever its version.
fn the_package(folder: &Path, name: &str) -> Result<PathBuf, Stop> {
    let failed = |error: io::Error| Stop::failed(&folder.display().to_string(), &error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let version = stem.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
        if path.extension().is_some_and(|extension| extension == "crate")
            && version.is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit()))
        {
            return Ok(path);
        }
    }
    Err(Stop::Failed(format!("cargo did not create a package of {name}")))
}
