//! The servers that are measured, each over an empty store.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::environment::environment;
use super::programs::Programs;
use super::race::Track;
use super::s3s_fs::S3sFs;
use crate::local_server::LocalServer;
use crate::report::Stop;
use crate::server::Server;

/// After this time, a server has released the memory that it releases.
const SETTLED: Duration = Duration::from_secs(5);

/// The server of a case.
#[derive(Clone, Copy, Debug)]
pub(super) enum On {
    Ours,
    S3sFs,
    /// A server that stores nothing.
    Hyper,
}

/// A server over an empty store. It runs until this is dropped.
#[derive(Debug)]
pub(super) struct Running {
    server: Server,
    /// The variables from which clients take its address.
    pub(super) environment: Vec<(String, String)>,
}

/// Duration of a tick of `/proc/PID/stat` on Linux, in nanoseconds.
const TICK: u64 = 10_000_000;

impl On {
    pub(super) fn start(self, track: &Track<'_>) -> Result<Running, Stop> {
        let Track { workspace, programs, folder, .. } = track;
        let scratch = folder.path("server");
        super::folder::remove(&scratch)?;
        match (self, &programs.s3s_fs) {
            (Self::Ours, _) => {
                let LocalServer { server, environment, .. } =
                    LocalServer::start_program(workspace, &programs.cfstore, scratch, &[])?;
                Ok(Running { server, environment })
            }
            (Self::S3sFs, Some(program)) => {
                let S3sFs { server, environment } = S3sFs::start(workspace, program, &scratch)?;
                Ok(Running { server, environment })
            }
            (Self::S3sFs, None) => Err(Stop::Skipped("s3s-fs is not installed".to_owned())),
            (Self::Hyper, _) => hyper(track, programs, &scratch),
        }
    }

    /// The name of a case on this server.
    pub(super) fn case(self, name: &str) -> String {
        match self {
            Self::Ours => name.to_owned(),
            Self::S3sFs => format!("{name}, s3s-fs"),
            Self::Hyper => format!("{name}, hyper"),
        }
    }
}

fn hyper(track: &Track<'_>, programs: &Programs, scratch: &Path) -> Result<Running, Stop> {
    let mut serve = track.workspace.command(&programs.bench);
    let (server, endpoint) = Server::start(serve.arg("serve"), &scratch.join("server.log"), |line| {
        line.starts_with("http://").then(|| line.to_owned())
    })?;
    Ok(Running { server, environment: environment(&endpoint) })
}

impl Running {
    /// The CPU time of all its threads so far, in nanoseconds, with a resolution of [`TICK`].
    pub(super) fn cpu_time(&self) -> Result<u64, Stop> {
        let path = format!("/proc/{}/stat", self.server.id());
        let stat = fs::read_to_string(&path).map_err(|error| Stop::failed(&path, &error))?;
        // The name of the program, in parentheses, may contain spaces.
        let fields = stat.rsplit_once(')').map(|(_, fields)| fields.split_whitespace());
        let ticks = fields.map(|fields| fields.skip(11).take(2).map(str::parse::<u64>));
        let ticks = ticks.and_then(|ticks| ticks.sum::<Result<u64, _>>().ok());
        Ok(ticks.ok_or_else(|| Stop::Failed(format!("{path} has no times: {stat}")))? * TICK)
    }

    /// The memory that it keeps when it is idle, in KiB.
    pub(super) fn settled_memory(&self) -> Result<u64, Stop> {
        thread::sleep(SETTLED);
        let path = format!("/proc/{}/status", self.server.id());
        let status = fs::read_to_string(&path).map_err(|error| Stop::failed(&path, &error))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = resident.and_then(|kib| kib.trim().strip_suffix(" kB")?.parse().ok());
        kib.ok_or_else(|| Stop::Failed(format!("{path} has no VmRSS")))
    }
}
