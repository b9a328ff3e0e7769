//! s3s-fs, a third-party server: it reads files in pieces of 4 KiB and hashes stored bytes with MD5, so it is
//! slow.

use std::fs;
use std::path::Path;

use super::environment::{ACCESS_KEY_ID, BUCKET, SECRET_ACCESS_KEY, environment};
use crate::report::Stop;
use crate::server::Server;
use crate::workspace::Workspace;

/// The server. It runs until this is dropped.
#[derive(Debug)]
pub(super) struct S3sFs {
    pub(super) server: Server,
    /// The variables that `cfstore serve` would print for it.
    pub(super) environment: Vec<(String, String)>,
}

impl S3sFs {
    /// Starts the program over an empty bucket.
    pub(super) fn start(workspace: &Workspace, program: &Path, scratch: &Path) -> Result<Self, Stop> {
        let store = scratch.join("store");
        fs::create_dir_all(store.join(BUCKET))
            .map_err(|error| Stop::failed(&store.display().to_string(), &error))?;
        let mut serve = workspace.command(program);
        serve.args(["--host", "127.0.0.1", "--port", "0"]).arg(&store);
        serve.args(["--access-key", ACCESS_KEY_ID, "--secret-key", SECRET_ACCESS_KEY]);
        // It logs its port, and then nothing for each request.
        serve.env("RUST_LOG", "s3s_fs=info,s3s_fs::s3=off");
        let (server, endpoint) = Server::start(&mut serve, &scratch.join("server.log"), |line| {
            let address = line.split_once("server is running at http://")?.1;
            Some(format!("http://{}", address.trim()))
        })?;
        Ok(Self { server, environment: environment(&endpoint) })
    }
}
