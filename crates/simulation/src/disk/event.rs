//! Changes of a disk.

use std::fmt;
use std::path::Path;

use super::ProcessId;

/// A change of the content of a disk, or of what is synced.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event<'a> {
    pub(crate) process: Option<ProcessId>,
    pub(crate) path: &'a Path,
    pub(crate) what: What<'a>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum What<'a> {
    Create,
    CreateFolder,
    Write { offset: u64, length: usize },
    Truncate(u64),
    Sync,
    FailedSync,
    SyncFolder,
    Link { to: &'a Path },
    Rename { to: &'a Path },
    Remove,
    Killed(ProcessId),
    PowerLoss,
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(process) = self.process {
            write!(f, "process {process}: ")?;
        }
        let path = self.path.display();
        match self.what {
            What::Create => write!(f, "create {path}"),
            What::CreateFolder => write!(f, "create folder {path}"),
            What::Write { offset, length } => write!(f, "write {length} bytes at {offset} of {path}"),
            What::Truncate(size) => write!(f, "truncate {path} to {size} bytes"),
            What::Sync => write!(f, "sync {path}"),
            What::FailedSync => write!(f, "fail to sync {path}"),
            What::SyncFolder => write!(f, "sync folder {path}"),
            What::Link { to } => write!(f, "link {path} to {}", to.display()),
            What::Rename { to } => write!(f, "rename {path} to {}", to.display()),
            What::Remove => write!(f, "remove {path}"),
            What::Killed(process) => write!(f, "process {process} is killed"),
            What::PowerLoss => write!(f, "the power is lost"),
        }
    }
}
