//! Third-party clients against `cfstore serve`. Their drivers are programs in `tests/interop`, in Python or
//! for Node.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{node, players, python};
use crate::context::Context;
use crate::install;
use crate::local_server::LocalServer;
use crate::report::{Stop, Tally};

pub(crate) fn boto3(context: &Context<'_>) -> Result<Tally, Stop> {
    drive(context, "boto3_client.py")
}

pub(crate) fn aws(context: &Context<'_>) -> Result<Tally, Stop> {
    drive(context, "aws_cli.py")
}

/// Plain, and with R2's production behaviour: with TLS, without which rclone sends no customer keys.
pub(crate) fn rclone(context: &Context<'_>) -> Result<Tally, Stop> {
    install::system(context, "rclone", "rclone")?;
    let mut tally = drive(context, "rclone.py")?;
    tally += drive_with(context, "rclone.py", &["--tls", "--r2-as-in-production"])?;
    Ok(tally)
}

pub(crate) fn minio(context: &Context<'_>) -> Result<Tally, Stop> {
    drive_with(context, "minio_client.py", &["--tls"])
}

/// Plain, where it signs in chunks, and with R2's production behaviour: with TLS, where it does not.
pub(crate) fn restic(context: &Context<'_>) -> Result<Tally, Stop> {
    install::system(context, "restic", "restic")?;
    let mut tally = drive(context, "restic.py")?;
    tally += drive_with(context, "restic.py", &["--tls", "--r2-as-in-production"])?;
    Ok(tally)
}

pub(crate) fn s3fs(context: &Context<'_>) -> Result<Tally, Stop> {
    if !Path::new("/dev/fuse").exists() {
        return Err(Stop::Skipped("this machine has no /dev/fuse, by which s3fs mounts a bucket".to_owned()));
    }
    install::system(context, "s3fs", "s3fs")?;
    drive_with(context, "s3fs.py", &["--tls"])
}

pub(crate) fn s3cmd(context: &Context<'_>) -> Result<Tally, Stop> {
    drive(context, "s3cmd.py")
}

pub(crate) fn aws_sdk(context: &Context<'_>) -> Result<Tally, Stop> {
    let mut tally = drive_node(context, "aws_sdk.test.mjs", |_, _| {})?;
    for arguments in [&[][..], &["--r2-as-in-production"]] {
        tally += drive_node_with(context, "aws_sdk_objects.test.mjs", arguments, |_, _| {})?;
    }
    Ok(tally)
}

pub(crate) fn cloudflare(context: &Context<'_>) -> Result<Tally, Stop> {
    drive_node(context, "cloudflare_sdk.test.mjs", |_, _| {})
}

pub(crate) fn wrangler(context: &Context<'_>) -> Result<Tally, Stop> {
    drive_node(context, "wrangler.test.mjs", |_, _| {})
}

pub(crate) fn chromium(context: &Context<'_>) -> Result<Tally, Stop> {
    let chromium = players::chromium(context)?;
    drive_node(context, "cors.test.mjs", |node, server| {
        node.env("CHROMIUM", chromium).env("CFSTORE", &server.cfstore);
    })
}

/// Runs one driver against a separate server with an empty store.
fn drive(context: &Context<'_>, driver: &str) -> Result<Tally, Stop> {
    drive_with(context, driver, &[])
}

/// The same, with further arguments for `cfstore serve`, which the driver gets too.
fn drive_with(context: &Context<'_>, driver: &str, arguments: &[&str]) -> Result<Tally, Stop> {
    let programs = install::python(context)?;
    let server = LocalServer::start_with(context, driver, arguments)?;
    let mut python = Command::new(programs.join("python"));
    python
        .arg(context.workspace.interop(driver))
        .args(arguments)
        .current_dir(&server.scratch)
        .envs(server.environment.iter().map(|(name, value)| (name, value)))
        .env("PATH", with_first(&programs));
    python::checks(driver, &mut python)
}

/// The same for a Node program. `prepare` adds to its environment.
fn drive_node(
    context: &Context<'_>,
    driver: &str,
    prepare: impl FnOnce(&mut Command, &LocalServer),
) -> Result<Tally, Stop> {
    drive_node_with(context, driver, &[], prepare)
}

fn drive_node_with(
    context: &Context<'_>,
    driver: &str,
    arguments: &[&str],
    prepare: impl FnOnce(&mut Command, &LocalServer),
) -> Result<Tally, Stop> {
    let server = LocalServer::start_with(context, driver, arguments)?;
    node::tests(context, driver, |node| {
        node.envs(server.environment.iter().map(|(name, value)| (name, value)));
        prepare(node, &server);
    })
}

/// The PATH with a folder before all others.
fn with_first(folder: &Path) -> std::ffi::OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::iter::once(folder.to_owned()).chain(env::split_paths(&path)).collect();
    env::join_paths(folders).unwrap_or(path)
}
