//! Third-party players with playlists that `cfstore` signs. Their drivers are Node programs in
//! `tests/interop`.

use std::path::PathBuf;

use super::node;
use crate::command::find;
use crate::context::Context;
use crate::local_server::LocalServer;
use crate::report::{Stop, Tally};
use crate::{install, worker};

pub(crate) fn ffmpeg(context: &Context<'_>) -> Result<Tally, Stop> {
    drive(context, "ffmpeg.test.mjs", &[])
}

pub(crate) fn browser(context: &Context<'_>) -> Result<Tally, Stop> {
    let chromium = chromium(context)?;
    let worker = worker::build(context, "examples/streaming-worker")?;
    drive(context, "browser.test.mjs", &[("CHROMIUM", chromium), ("STREAMING_WORKER", worker)])
}

pub(crate) fn live(context: &Context<'_>) -> Result<Tally, Stop> {
    drive(context, "live.test.mjs", &[("CHROMIUM", chromium(context)?)])
}

/// Returns the path of the browser.
pub(super) fn chromium(context: &Context<'_>) -> Result<PathBuf, Stop> {
    install::system(context, "chromium", "chromium")?;
    find("chromium").ok_or_else(|| Stop::Skipped("chromium is not on the PATH".into()))
}

/// Runs a driver, which creates its films with ffmpeg, against a separate server.
fn drive(context: &Context<'_>, driver: &str, programs: &[(&str, PathBuf)]) -> Result<Tally, Stop> {
    install::system(context, "ffmpeg", "ffmpeg")?;
    let server = LocalServer::start(context, driver)?;
    node::tests(context, driver, |node| {
        node.envs(server.environment.iter().map(|(name, value)| (name, value)))
            .envs(programs.iter().map(|(name, path)| (name, path)))
            .env("CFSTORE", &server.cfstore)
            .env("SCRATCH", &server.scratch);
    })
}
