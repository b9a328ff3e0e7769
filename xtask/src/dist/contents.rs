//! The files of a package, in a folder: the program, its help for shells and man, and the licences.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::build::Binary;
use super::licences;
use super::release::Release;
use crate::command::run;
use crate::report::Stop;

/// Shells, and the file names of their completion scripts.
pub(crate) const COMPLETIONS: [(&str, &str); 5] = [
    ("bash", "cfstore.bash"),
    ("zsh", "_cfstore"),
    ("fish", "cfstore.fish"),
    ("elvish", "cfstore.elv"),
    ("powershell", "_cfstore.ps1"),
];

/// The README is that of the program: that of the repository leads to files that are not packed.
const TEXTS: [&str; 4] = ["LICENSE-APACHE", "LICENSE-MIT", "crates/cfstore/README.md", "CHANGELOG.md"];

/// The folder of the units of systemd, and their files.
const UNITS: (&str, [&str; 3]) =
    ("packaging/systemd", ["cfstore.service", "cfstore.socket", "cfstore.sysusers"]);

/// A folder `cfstore-VERSION-TRIPLE` with `cfstore`, `completions/`, `man/`, `systemd/` and the texts.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) folder: PathBuf,
    /// `cfstore-VERSION-TRIPLE`
    pub(crate) name: String,
}

pub(super) fn lay_out(release: &Release<'_>, binary: &Binary) -> Result<Contents, Stop> {
    let name = format!("cfstore-{}-{}", binary.version, binary.target);
    let folder = release.work_folder(&name)?;
    copy(&binary.path, &folder)?;
    for text in TEXTS {
        copy(&release.context.workspace.root.join(text), &folder)?;
    }
    licences::write(release, binary, &folder.join("THIRD-PARTY.md"))?;
    let completions = folder.join("completions");
    let failed = |error: std::io::Error| Stop::failed(&completions.display().to_string(), &error);
    fs::create_dir(&completions).map_err(failed)?;
    for (shell, file) in COMPLETIONS {
        let script = File::create(completions.join(file)).map_err(failed)?;
        run(binary.command(release.context)?.args(["completions", shell]).stdout(Stdio::from(script)))?;
    }
    run(binary.command(release.context)?.arg("man").arg(folder.join("man")))?;
    let (source, names) = UNITS;
    let (source, units) = (release.context.workspace.root.join(source), folder.join("systemd"));
    fs::create_dir(&units).map_err(|error| Stop::failed(&units.display().to_string(), &error))?;
    for name in names {
        copy(&source.join(name), &units)?;
    }
    Ok(Contents { folder, name })
}

fn copy(file: &Path, folder: &Path) -> Result<(), Stop> {
    let failed = |error: std::io::Error| Stop::failed(&file.display().to_string(), &error);
    fs::copy(file, folder.join(file.file_name().unwrap_or_default())).map(drop).map_err(failed)
}
