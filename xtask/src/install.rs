//! Installs third-party software for the suites: into the build folder, or from the system's packages if that
//! was requested.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::command::{on_path, run, run_within, succeeds};
use crate::context::Context;
use crate::report::Stop;
use crate::wasm::{TARGET, Toolchain};

/// Finds a program on the PATH, or installs its Debian package if `--install-system` was given.
pub(crate) fn system(context: &Context<'_>, program: &str, package: &str) -> Result<(), Stop> {
    if on_path(program) {
        return Ok(());
    }
    system_package(context, package)
}

fn system_package(context: &Context<'_>, package: &str) -> Result<(), Stop> {
    if !context.install_system {
        return Err(Stop::Skipped(format!(
            "Debian's package {package} is missing: install it or pass --install-system"
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

/// Installs the Node packages of `tests/interop/package.json`, including Node itself. Returns the folder that
/// contains `node_modules` and the Node programs of `tests/interop`.
pub(crate) fn node(context: &Context<'_>) -> Result<PathBuf, Stop> {
    npm(context, "tests/interop", "node")
}

/// Installs the Node packages of a folder's `package.json`. Returns the folder that contains `node_modules`
/// and the folder's Node programs.
pub(crate) fn npm(context: &Context<'_>, from: &str, name: &str) -> Result<PathBuf, Stop> {
    system(context, "npm", "npm")?;
    let workspace = context.workspace;
    let (from, folder) = (workspace.root.join(from), workspace.installed(name));
    let packages = ["package.json", "package-lock.json"].map(|name| from.join(name));
    once(&folder, &read(&packages)?, |folder| {
        packages.iter().try_for_each(|file| copy(file, folder))?;
        let arguments = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
        run(workspace.command("npm").args(arguments).current_dir(folder))
    })?;
    // Node looks for packages next to the program that imports them.
    let failed = |error: std::io::Error| Stop::failed(&from.display().to_string(), &error);
    for entry in fs::read_dir(&from).map_err(failed)? {
        let program = entry.map_err(failed)?.path();
        if program.extension().is_some_and(|extension| extension == "mjs" || extension == "mts") {
            copy(&program, &folder)?;
        }
    }
    Ok(folder)
}

/// Installs the Python packages of `tests/interop/requirements.txt`. Returns the folder of the environment's
/// programs.
pub(crate) fn python(context: &Context<'_>) -> Result<PathBuf, Stop> {
    pip(context, "tests/interop", "python")
}

/// Installs the Python packages of a folder's `requirements.txt`. Returns the folder of the environment's
/// programs.
pub(crate) fn pip(context: &Context<'_>, from: &str, name: &str) -> Result<PathBuf, Stop> {
    let workspace = context.workspace;
    // Debian's python3 does not include it.
    if !succeeds(workspace.command("python3").args(["-c", "import ensurepip"])) {
        system_package(context, "python3-venv")?;
    }
    let folder = workspace.installed(name);
    let programs = folder.join("bin");
    let requirements = workspace.root.join(from).join("requirements.txt");
    once(&folder, &read(&[&requirements])?, |folder| {
        run(workspace.command("python3").args(["-m", "venv", "--clear"]).arg(folder))?;
        let mut pip = workspace.command(programs.join("python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        run(pip.arg(&requirements))
    })?;
    Ok(programs)
}

/// Installs a program of a crate. Returns its path.
pub(crate) fn program_of_crate(
    context: &Context<'_>,
    name: &str,
    version: &str,
    features: &str,
) -> Result<PathBuf, Stop> {
    let workspace = context.workspace;
    let (folder, package) = (workspace.installed(name), format!("{name}@{version}"));
    once(&folder, &package, |folder| {
        let mut install =
            workspace.cargo(["install", "--quiet", "--locked", "--features", features, "--root"]);
        run(install.arg(folder).arg(&package))
    })?;
    Ok(folder.join("bin").join(name))
}

/// Installs the standard library for a target of the toolchain.
pub(crate) fn target(context: &Context<'_>, target: &str) -> Result<(), Stop> {
    let mut add = context.workspace.command("rustup");
    run_within(add.args(["target", "add", target]), Duration::from_secs(3 * 60)).map_err(missing)
}

/// A cargo-zigbuild command, whose zig compiles C for any target and links.
pub(crate) fn zigbuild(context: &Context<'_>, subcommand: &str) -> Result<Command, Stop> {
    let programs = pip(context, "packaging", "zig")?;
    let mut command = context.workspace.command(programs.join("cargo-zigbuild"));
    command.arg(subcommand).env("CARGO_ZIGBUILD_PYTHON_PATH", programs.join("python"));
    Ok(command)
}

/// Returns a toolchain that compiles for Workers.
pub(crate) fn wasm(context: &Context<'_>) -> Result<Toolchain, Stop> {
    let workspace = context.workspace;
    if let Some(toolchain) = Toolchain::find(workspace) {
        return Ok(toolchain);
    }
    // If rustup cannot reach its server, it tries for minutes.
    let added =
        run_within(workspace.command("rustup").args(["target", "add", TARGET]), Duration::from_secs(20));
    if let Err(Stop::Skipped(why) | Stop::Failed(why)) = added {
        println!("{why}");
        if context.install_system {
            run(workspace.command("bash").arg("xtask/debian-wasm.sh")).map_err(missing)?;
        }
    }
    Toolchain::find(workspace).ok_or_else(|| {
        Stop::Skipped(format!(
            "the target is not installed: rustup target add {TARGET}, or pass --install-system"
        ))
    })
}

/// Installs `worker-build`, and `wasm-bindgen` in the version of the Workers' lock files. Returns the folder
/// of the programs.
pub(crate) fn worker_build(context: &Context<'_>) -> Result<PathBuf, Stop> {
    let workspace = context.workspace;
    let folder = workspace.installed("worker-build");
    let programs = [
        ["worker-build@0.8.7", "--locked"].as_slice(),
        // Not --locked: its lock file needs a webpki-roots that the registry does not have.
        ["wasm-bindgen-cli@0.2.130"].as_slice(),
    ];
    once(&folder, &programs.concat().join("\n"), |folder| {
        programs.iter().try_for_each(|program| {
            run(workspace.cargo(["install", "--quiet", "--root"]).arg(folder).args(*program))
        })
    })?;
    Ok(folder.join("bin"))
}

/// Installs into an empty folder, unless that was done before for the same list of requirements.
fn once(folder: &Path, wanted: &str, install: impl FnOnce(&Path) -> Result<(), Stop>) -> Result<(), Stop> {
    let failed = |error: std::io::Error| Stop::failed(&folder.display().to_string(), &error);
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

/// The concatenated text of these files.
fn read(files: &[impl AsRef<Path>]) -> Result<String, Stop> {
    let text = |file: &Path| {
        fs::read_to_string(file).map_err(|error| Stop::failed(&file.display().to_string(), &error))
    };
    files.iter().map(|file| text(file.as_ref())).collect()
}

fn copy(file: &Path, folder: &Path) -> Result<(), Stop> {
    let failed = |error: std::io::Error| Stop::failed(&file.display().to_string(), &error);
    fs::copy(file, folder.join(file.file_name().unwrap_or_default())).map(drop).map_err(failed)
}

/// If something cannot be installed, the suite is skipped, not failed.
fn missing(stop: Stop) -> Stop {
    match stop {
        Stop::Skipped(why) | Stop::Failed(why) => Stop::Skipped(why),
    }
}
