//! `cfstore serve` for one driver: over an empty store, with a folder to work in.

use std::fs;
use std::path::PathBuf;

use crate::command::run;
use crate::context::Context;
use crate::report::Stop;
use crate::server::Server;

/// It runs until this is dropped.
#[derive(Debug)]
pub(super) struct LocalServer {
    _server: Server,
    /// The variables that it printed, by which clients find it.
    pub(super) environment: Vec<(String, String)>,
    /// Empty but for the store and the server's log.
    pub(super) scratch: PathBuf,
    /// The program.
    pub(super) cfstore: PathBuf,
}

const NEEDED: [&str; 8] = [
    "R2_ENDPOINT",
    "R2_ACCESS_KEY_ID",
    "R2_SECRET_ACCESS_KEY",
    "R2_BUCKET_MEDIA",
    "CLOUDFLARE_API_BASE_URL",
    "CLOUDFLARE_ACCOUNT_ID",
    "CLOUDFLARE_API_TOKEN",
    "KV_NAMESPACE_ID",
];

impl LocalServer {
    /// Builds the program and starts it.
    pub(super) fn start(context: &Context<'_>, driver: &str) -> Result<Self, Stop> {
        let workspace = context.workspace;
        run(&mut workspace.cargo(["build", "--package", "cfstore"]))?;
        let cfstore = workspace.target.join("debug/cfstore");

        let scratch = workspace.installed("scratch").join(driver);
        let failed = |error: std::io::Error| Stop::failed(&scratch.display().to_string(), &error);
        if scratch.exists() {
            fs::remove_dir_all(&scratch).map_err(failed)?;
        }
        fs::create_dir_all(&scratch).map_err(failed)?;
        let mut serve = workspace.command(&cfstore);
        serve.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(scratch.join("store"));
        let mut environment = Vec::new();
        let (server, ()) = Server::start(&mut serve, &scratch.join("server.log"), |line| {
            if let Some((name, value)) =
                line.strip_prefix("export ").and_then(|export| export.split_once('='))
            {
                environment.push((name.to_owned(), value.trim_matches(['\'', '"']).to_owned()));
            }
            NEEDED.iter().all(|needed| environment.iter().any(|(name, _)| name == needed)).then_some(())
        })?;
        Ok(Self { _server: server, environment, scratch, cfstore })
    }
}
