//! Cloudflare's own simulator of R2: Miniflare's S3 endpoint, in front of workerd.

use serde_json::Value;

use super::rust;
use crate::context::Context;
use crate::install;
use crate::report::{Stop, Tally};
use crate::server::Server;

pub(crate) fn run(context: &Context<'_>) -> Result<Tally, Stop> {
    let packages = install::node(context)?;
    let mut command = context.workspace.command(packages.join("node_modules/.bin/node"));
    command.arg(packages.join("miniflare.mjs"));
    let log = context.workspace.installed("logs/miniflare.log");
    let (_server, started) =
        Server::start(&mut command, &log, |line| serde_json::from_str::<Value>(line).ok())?;
    let said = |name: &str| started[name].as_str().unwrap_or_default().to_owned();
    println!("Miniflare is at {}", said("endpoint"));
    let environment = [
        ("SIMULATOR_ENDPOINT", said("endpoint")),
        ("SIMULATOR_BUCKET", said("bucket")),
        ("SIMULATOR_ACCESS_KEY_ID", said("accessKeyId")),
        ("SIMULATOR_SECRET_ACCESS_KEY", said("secretAccessKey")),
    ];
    rust::simulator(context.workspace, &environment)
}
