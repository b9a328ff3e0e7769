//! S3 clients that nobody here wrote, against `cfstore serve`. Their drivers are the Python programs in `tests/interop`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Context;
use crate::command::{run, run_and_read};
use crate::install;
use crate::report::{Stop, Tally};
use crate::server::Server;

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
fn drive(context: &Context<'_>, driver: &'static str) -> Result<Tally, Stop> {
    let workspace = context.workspace;
    let programs = install::python(context)?;
    run(&mut workspace.cargo(["build", "--package", "cfstore"]))?;

    let scratch = workspace.installed("clients").join(driver);
    let failed = |error: std::io::Error| Stop::failed(&scratch.display().to_string(), &error);
    if scratch.exists() {
        fs::remove_dir_all(&scratch).map_err(failed)?;
    }
    fs::create_dir_all(&scratch).map_err(failed)?;
    let mut serve = workspace.command(workspace.target.join("debug/cfstore"));
    serve.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(scratch.join("store"));
    let mut environment = Vec::new();
    let (_server, ()) = Server::start(&mut serve, &scratch.join("server.log"), |line| {
        if let Some((name, value)) = line.strip_prefix("export ").and_then(|export| export.split_once('=')) {
            environment.push((name.to_owned(), value.trim_matches(['\'', '"']).to_owned()));
        }
        NEEDED.iter().all(|needed| environment.iter().any(|(name, _)| name == needed)).then_some(())
    })?;

    let mut python = Command::new(programs.join("python"));
    python
        .arg(workspace.interop(driver))
        .current_dir(&scratch)
        .envs(environment)
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

const NEEDED: [&str; 4] = ["R2_ENDPOINT", "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY", "R2_BUCKET_MEDIA"];

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
