//! Values that all packages of a run share.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::read;
use crate::context::Context;
use crate::report::Stop;

#[derive(Debug)]
pub(crate) struct Release<'a> {
    pub(crate) context: &'a Context<'a>,
    /// `target/dist`, the files for users to download.
    pub(crate) folder: PathBuf,
    /// The version of `cfstore`, as in its manifest.
    pub(crate) version: String,
    /// Address of the repository, if published.
    pub(crate) repository: Option<String>,
    /// Time of every file in the packages, in seconds since 1970, so that builds are reproducible.
    pub(crate) source_date_epoch: u64,
}

impl<'a> Release<'a> {
    pub(crate) fn begin(
        context: &'a Context<'a>,
        repository: Option<String>,
        source_date_epoch: Option<u64>,
    ) -> Result<Self, Stop> {
        let workspace = context.workspace;
        let source_date_epoch = match source_date_epoch {
            Some(seconds) => seconds,
            None => last_commit(context)?,
        };
        let version = read(&mut workspace.cargo(["pkgid", "--package", "cfstore"]))?;
        let version = version.trim().rsplit(['#', '@']).next().unwrap_or_default().to_owned();
        Ok(Self { context, folder: workspace.target.join("dist"), version, repository, source_date_epoch })
    }

    /// Removes earlier packages.
    pub(super) fn clear(&self) -> Result<(), Stop> {
        empty(&self.folder)
    }

    /// Makes an empty folder for intermediate files, below `target/dist-work`.
    pub(crate) fn work_folder(&self, name: &str) -> Result<PathBuf, Stop> {
        let folder = self.context.workspace.target.join("dist-work").join(name);
        empty(&folder)?;
        Ok(folder)
    }
}

fn empty(folder: &Path) -> Result<(), Stop> {
    let failed = |error: std::io::Error| Stop::failed(&folder.display().to_string(), &error);
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(failed)?;
    }
    fs::create_dir_all(folder).map_err(failed)
}

fn last_commit(context: &Context<'_>) -> Result<u64, Stop> {
    let seconds = read(context.workspace.command("git").args(["log", "-1", "--format=%ct"]))?;
    seconds
        .trim()
        .parse()
        .map_err(|_| Stop::Failed("git has no last commit: pass --source-date-epoch SECONDS".to_owned()))
}
