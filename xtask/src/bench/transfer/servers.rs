//! The servers that are measured, each over an empty store.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::programs::Programs;
use super::race::Track;
use super::s3s_fs::{self, S3sFs};
use crate::local_server::LocalServer;
use crate::report::Stop;
use crate::server::Server;

/// After this long a server has given back the memory that it gives back.
const SETTLED: Duration = Duration::from_secs(5);

/// Which server.
#[derive(Clone, Copy, Debug)]
pub(super) enum On {
    Ours,
    S3sFs,
    /// One that stores nothing.
    Hyper,
}

/// A server over an empty store. It runs until this is dropped.
#[derive(Debug)]
pub(super) struct Running {
    server: Server,
    /// The variables by which clients find it.
    pub(super) environment: Vec<(String, String)>,
}

/// Nanoseconds of CPU that each thread of a process has taken.
pub(super) struct Threads(HashMap<String, u64>);

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

    /// What a case is called on it.
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
    Ok(Running { server, environment: s3s_fs::environment(&endpoint) })
}

impl Running {
    /// What its threads have taken so far.
    pub(super) fn threads(&self) -> Result<Threads, Stop> {
        let folder = format!("/proc/{}/task", self.server.id());
        let failed = |error: std::io::Error| Stop::failed(&folder, &error);
        let mut threads = HashMap::new();
        for thread in fs::read_dir(&folder).map_err(failed)? {
            let thread = thread.map_err(failed)?;
            // One that has just ended cannot be read.
            let Ok(taken) = fs::read_to_string(thread.path().join("schedstat")) else { continue };
            let ran = taken.split_whitespace().next().and_then(|ran| ran.parse().ok());
            let ran = ran.ok_or_else(|| Stop::Failed(format!("{folder}: {taken:?} says no time")))?;
            threads.insert(thread.file_name().to_string_lossy().into_owned(), ran);
        }
        Ok(Threads(threads))
    }

    /// How much memory it keeps, in KiB, once it has nothing to do.
    pub(super) fn settled_memory(&self) -> Result<u64, Stop> {
        thread::sleep(SETTLED);
        let path = format!("/proc/{}/status", self.server.id());
        let status = fs::read_to_string(&path).map_err(|error| Stop::failed(&path, &error))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = resident.and_then(|kib| kib.trim().strip_suffix(" kB")?.parse().ok());
        kib.ok_or_else(|| Stop::Failed(format!("{path} does not say VmRSS")))
    }
}

impl Threads {
    /// What these took since `before`, in nanoseconds. A thread that has ended since then is not counted.
    pub(super) fn since(&self, before: &Self) -> u64 {
        self.0.iter().map(|(id, ran)| ran - before.0.get(id).copied().unwrap_or(0)).sum()
    }
}
