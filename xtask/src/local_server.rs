//! `cfstore serve` over an empty store.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::run;
use crate::context::Context;
use crate::report::Stop;
use crate::server::Server;
use crate::workspace::Workspace;

/// The server. It runs until this is dropped.
#[derive(Debug)]
pub(crate) struct LocalServer {
    pub(crate) server: Server,
    /// The variables that it printed, from which clients take its address.
    pub(crate) environment: Vec<(String, String)>,
    /// Empty except for the store and the server's log.
    pub(crate) scratch: PathBuf,
    /// Path of the program.
    pub(crate) cfstore: PathBuf,
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
    /// Builds the program and starts it, with a working folder for one driver.
    pub(crate) fn start(context: &Context<'_>, driver: &str) -> Result<Self, Stop> {
        Self::start_with(context, driver, &[])
    }

    /// The same, with further arguments for `cfstore serve`.
    pub(crate) fn start_with(context: &Context<'_>, driver: &str, arguments: &[&str]) -> Result<Self, Stop> {
        let workspace = context.workspace;
        run(&mut workspace.cargo(["build", "--package", "cfstore"]))?;
        let cfstore = workspace.target.join("debug/cfstore");
        Self::start_program(workspace, &cfstore, workspace.installed("scratch").join(driver), arguments)
    }

    /// Starts a program that was built, with this working folder, which is emptied first.
    pub(crate) fn start_program(
        workspace: &Workspace,
        cfstore: &Path,
        scratch: PathBuf,
        arguments: &[&str],
    ) -> Result<Self, Stop> {
        let failed = |error: std::io::Error| Stop::failed(&scratch.display().to_string(), &error);
        if scratch.exists() {
            fs::remove_dir_all(&scratch).map_err(failed)?;
        }
        fs::create_dir_all(&scratch).map_err(failed)?;
        let mut serve = workspace.command(cfstore);
        serve.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(scratch.join("store")).args(arguments);
        let mut environment = Vec::new();
        let (server, ()) = Server::start(&mut serve, &scratch.join("server.log"), |line| {
            if let Some((name, value)) =
                line.strip_prefix("export ").and_then(|export| export.split_once('='))
            {
                environment.push((name.to_owned(), value.trim_matches(['\'', '"']).to_owned()));
            }
            let needs_certificate = arguments.contains(&"--tls").then_some("SSL_CERT_FILE");
            let mut needed = NEEDED.into_iter().chain(needs_certificate);
            needed.all(|needed| environment.iter().any(|(name, _)| name == needed)).then_some(())
        })?;
        Ok(Self { server, environment, scratch, cfstore: cfstore.to_owned() })
    }
}
