//! The media service of `examples/media-service` against `cfstore serve`.

use super::node;
use crate::command::find;
use crate::context::Context;
use crate::local_server::LocalServer;
use crate::report::{Stop, Tally};
use crate::{install, service};

const DRIVER: &str = "media_service.test.mjs";

/// Runs the driver, which starts the service. Without Chromium it skips the tests in a browser.
pub(crate) fn run(context: &Context<'_>) -> Result<Tally, Stop> {
    let program = service::build(context.workspace)?;
    let chromium = install::system(context, "chromium", "chromium").ok().and_then(|()| find("chromium"));
    let server = LocalServer::start(context, DRIVER)?;
    node::tests(context, DRIVER, |node| {
        node.envs(server.environment.iter().map(|(name, value)| (name, value)))
            .envs(chromium.map(|chromium| ("CHROMIUM", chromium)))
            .env("CFSTORE", &server.cfstore)
            .env("MEDIA_SERVICE", program)
            .env("SCRATCH", &server.scratch);
    })
}
