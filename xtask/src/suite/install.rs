//! The ways to install `cfstore`, each tried completely. All suites except the script's need root, and the
//! result of `cargo xtask dist`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::python;
use crate::command::read;
use crate::context::Context;
use crate::install;
use crate::report::{Stop, Tally};

/// The install script against a file server. It installs a program of the test.
pub(crate) fn script(context: &Context<'_>) -> Result<Tally, Stop> {
    install::system(context, "python3", "python3")?;
    // The driver skips tests whose programs are missing.
    for program in ["busybox", "curl", "dash", "shellcheck", "wget"] {
        install::system(context, program, program).ok();
    }
    let driver = "install_script.py";
    let mut python = context.workspace.command("python3");
    python.arg(context.workspace.interop(driver)).arg(context.workspace.root.join("packaging/install.sh"));
    python::checks(driver, &mut python)
}

/// The image: unpacked with skopeo and umoci, and its files run as in a container.
pub(crate) fn image(context: &Context<'_>) -> Result<Tally, Stop> {
    for program in ["skopeo", "umoci", "curl"] {
        install::system(context, program, program)?;
    }
    drive(context, "install_image.py")
}

/// The archive, the script, the Debian package and the sources, each in a separate Debian.
pub(crate) fn chroot(context: &Context<'_>) -> Result<Tally, Stop> {
    install::system(context, "debootstrap", "debootstrap")?;
    install::system(context, "lintian", "lintian").ok();
    drive(context, "install_chroot.py")
}

/// Runs a driver as root, in an empty folder, with the result of `cargo xtask dist`.
fn drive(context: &Context<'_>, driver: &str) -> Result<Tally, Stop> {
    let workspace = context.workspace;
    if read(Command::new("id").arg("-u"))?.trim() != "0" {
        return Err(Stop::Skipped("it needs root, to enter the file system of another Debian".to_owned()));
    }
    let dist = workspace.target.join("dist");
    if !dist.join("SHA256SUMS").is_file() {
        return Err(Stop::Skipped(
            "target/dist/SHA256SUMS does not exist: run cargo xtask dist first".to_owned(),
        ));
    }
    let scratch = emptied(workspace.installed("scratch").join(driver))?;
    let mut python = workspace.command("python3");
    python
        .arg(workspace.interop(driver))
        .current_dir(&scratch)
        .env("REPOSITORY", &workspace.root)
        .env("TARGET", &workspace.target)
        .env("DIST", dist)
        .env("DEBIAN", workspace.installed("debian"));
    python::checks(driver, &mut python)
}

fn emptied(folder: PathBuf) -> Result<PathBuf, Stop> {
    let failed = |error: std::io::Error| Stop::failed(&folder.display().to_string(), &error);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(failed)?;
    }
    fs::create_dir_all(&folder).map_err(failed)?;
    Ok(folder)
}
