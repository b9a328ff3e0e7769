//! What the suites need from others: into the build folder, or from the system's packages if that was asked for.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{on_path, run};
use crate::report::Stop;
use crate::suite::Context;

/// A program on the PATH, from a Debian package if it is missing and `--install-system` was given.
pub(crate) fn system(context: &Context<'_>, program: &str, package: &str) -> Result<(), Stop> {
    if on_path(program) {
        return Ok(());
    }
    if !context.install_system {
        return Err(Stop::Skipped(format!(
            "{program} is not on the PATH: install it or pass --install-system"
        )));
    }
    apt_get(context, &["update", "-q"])
        .and_then(|()| apt_get(context, &["install", "-y", "-q", "--no-install-recommends", package]))
}

fn apt_get(context: &Context<'_>, arguments: &[&str]) -> Result<(), Stop> {
    let mut command = context.workspace.command(if on_path("sudo") { "sudo" } else { "apt-get" });
    if on_path("sudo") {
        command.arg("apt-get");
    }
    run(command.args(arguments)).map_err(missing)
}

/// The Node packages of `tests/interop/package.json`, with a Node of their own. Returns the folder that holds
/// `node_modules` and `miniflare.mjs`.
pub(crate) fn node(context: &Context<'_>) -> Result<PathBuf, Stop> {
    system(context, "npm", "npm")?;
    let workspace = context.workspace;
    let folder = workspace.installed("node");
    let packages = ["package.json", "package-lock.json"];
    once(context, &folder, &packages, |folder| {
        copy(context, &packages, folder)?;
        let arguments = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
        run(workspace.command("npm").args(arguments).current_dir(folder))
    })?;
    // Node looks for packages beside the program that imports them.
    copy(context, &["miniflare.mjs"], &folder)?;
    Ok(folder)
}

/// The Python packages of `tests/interop/requirements.txt`. Returns the folder of the environment's programs.
pub(crate) fn python(context: &Context<'_>) -> Result<PathBuf, Stop> {
    system(context, "python3", "python3-venv")?;
    let workspace = context.workspace;
    let folder = workspace.installed("python");
    let programs = folder.join("bin");
    once(context, &folder, &["requirements.txt"], |folder| {
        run(workspace.command("python3").args(["-m", "venv", "--clear"]).arg(folder))?;
        let mut pip = workspace.command(programs.join("python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        run(pip.arg(workspace.interop("requirements.txt")))
    })?;
    Ok(programs)
}

/// Installs into an empty folder, unless that was done before from the same inputs.
fn once(
    context: &Context<'_>,
    folder: &Path,
    inputs: &[&str],
    install: impl FnOnce(&Path) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let failed = |error: std::io::Error| Stop::failed(&folder.display().to_string(), &error);
    let mut wanted = String::new();
    for name in inputs {
        wanted += &fs::read_to_string(context.workspace.interop(name)).map_err(failed)?;
    }
    let stamp = folder.join("installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("installing into {}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(failed)?;
    }
    fs::create_dir_all(folder).map_err(failed)?;
    install(folder).map_err(missing)?;
    fs::write(stamp, wanted).map_err(failed)
}

fn copy(context: &Context<'_>, names: &[&str], folder: &Path) -> Result<(), Stop> {
    for name in names {
        fs::copy(context.workspace.interop(name), folder.join(name))
            .map_err(|error| Stop::failed(name, &error))?;
    }
    Ok(())
}

/// What could not be installed is missing, not broken.
fn missing(stop: Stop) -> Stop {
    match stop {
        Stop::Skipped(why) | Stop::Failed(why) => Stop::Skipped(why),
    }
}
