//! S3 clients that nobody here wrote, against `cfstore serve`. Their drivers are the Python programs in `tests/interop`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Context;
use super::local_server::LocalServer;
use crate::command::run_and_read;
use crate::install;
use crate::report::{Stop, Tally};

pub(crate) fn boto3(context: &Context<'_>) -> Result<Tally, Stop> {
    drive(context, "boto3_client.py")
}

pub(crate) fn aws(context: &Context<'_>) -> Result<Tally, Stop> {
    drive(context, "aws_cli.py")
}

pub(crate) fn rclone(context: &Context<'_>) -> Result<Tally, Stop> {
    install::system(context, "rclone", "rclone")?;
    drive(context, "rclone.py")
}

pub(crate) fn s3cmd(context: &Context<'_>) -> Result<Tally, Stop> {
    drive(context, "s3cmd.py")
}

/// Runs one driver against a server of its own over an empty store.
fn drive(context: &Context<'_>, driver: &str) -> Result<Tally, Stop> {
    let programs = install::python(context)?;
    let server = LocalServer::start(context, driver)?;
    let mut python = Command::new(programs.join("python"));
    python
        .arg(context.workspace.interop(driver))
        .current_dir(&server.scratch)
        .envs(server.environment.iter().map(|(name, value)| (name, value)))
        .env("PATH", with_first(&programs))
        .env("PYTHONUNBUFFERED", "1");
    let (status, lines) = run_and_read(&mut python)?;
    let tally = harness_results(&lines);
    if status.success() || tally.failed > 0 {
        Ok(tally)
    } else {
        Err(Stop::Failed(format!("{driver} ended with {status}")))
    }
}

/// The PATH with a folder before all others.
fn with_first(folder: &Path) -> std::ffi::OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::iter::once(folder.to_owned()).chain(env::split_paths(&path)).collect();
    env::join_paths(folders).unwrap_or(path)
}

/// From the lines `ok NAME`, `FAILED NAME: why` and `skipped NAME: why` of `harness.py`.
fn harness_results(lines: &[String]) -> Tally {
    let count = |start: &str| lines.iter().filter(|line| line.starts_with(start)).count();
    Tally { passed: count("ok "), failed: count("FAILED "), skipped: count("skipped ") }
}
