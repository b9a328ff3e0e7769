//! Limits on the resources that clients use.

use std::time::Duration;

/// Limits of a [`Server`](crate::Server) for its clients: connections, timeouts, rates and memory.
///
/// ```
/// use cloudflare_emulator::{Emulator, Limits};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
/// let emulator = Emulator::builder().limits(Limits::default().connections(100)).start().await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Maximum number of open connections. Idle ones are closed when others need room; if there are none,
    /// others wait. The default is 512, or less if the process can open only few files.
    pub connections: usize,
    /// Timeout for the headers of a request, and between two requests. The default is a minute.
    pub idle: Duration,
    /// Timeout of the TLS handshake. The default is 10 seconds.
    pub handshake: Duration,
    /// Waiting time over which the rate of a client is measured. The default is a minute, and a twelfth of it
    /// while others wait for a connection. Time in which the client waits for the server does not count.
    pub patience: Duration,
    /// Minimum rate at which a client must send a body or read an answer, in bytes per second. The default is
    /// 1,024.
    pub min_rate: u64,
    /// Maximum time for reading the rest of a refused body. The default is 10 seconds.
    pub drain: Duration,
    /// Maximum size of all bodies in memory, in bytes: those of documents and forms. The default is 256 MiB.
    /// A request beyond that gets 503.
    pub memory: usize,
    /// Maximum time for requests in progress after the server was asked to stop. The default is 10 seconds.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: default_connections(),
            idle: Duration::from_secs(60),
            handshake: Duration::from_secs(10),
            patience: Duration::from_secs(60),
            min_rate: 1024,
            drain: Duration::from_secs(10),
            memory: 256 << 20,
            grace: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// Sets [`connections`](Self::connections), which is at least 1.
    #[must_use]
    pub fn connections(self, connections: usize) -> Self {
        Self { connections: connections.max(1), ..self }
    }

    /// Sets [`idle`](Self::idle).
    #[must_use]
    pub fn idle(self, idle: Duration) -> Self {
        Self { idle, ..self }
    }

    /// Sets [`handshake`](Self::handshake).
    #[must_use]
    pub fn handshake(self, handshake: Duration) -> Self {
        Self { handshake, ..self }
    }

    /// Sets [`patience`](Self::patience).
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Sets [`min_rate`](Self::min_rate), in bytes per second.
    #[must_use]
    pub fn min_rate(self, min_rate: u64) -> Self {
        Self { min_rate, ..self }
    }

    /// Sets [`drain`](Self::drain).
    #[must_use]
    pub fn drain(self, drain: Duration) -> Self {
        Self { drain, ..self }
    }

    /// Sets [`memory`](Self::memory), in bytes.
    #[must_use]
    pub fn memory(self, memory: usize) -> Self {
        Self { memory, ..self }
    }

    /// Sets [`grace`](Self::grace).
    #[must_use]
    pub fn grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }
}

/// Default maximum of connections. More do not help on one machine.
const MOST_CONNECTIONS: u64 = 512;
/// Number of files that are not for connections: the store's database, its locks and the runtime's files.
const OTHER_FILES: u64 = 32;
/// Number of files per connection: its socket, and the file of the store that its request reads or writes.
const FILES_OF_A_CONNECTION: u64 = 2;

fn default_connections() -> usize {
    let files = open_files().unwrap_or(u64::MAX);
    connections_within(files)
}

fn connections_within(files: u64) -> usize {
    let connections = files.saturating_sub(OTHER_FILES) / FILES_OF_A_CONNECTION;
    usize::try_from(connections.clamp(4, MOST_CONNECTIONS)).unwrap_or(4)
}

/// Returns the maximum number of open files of the process.
#[cfg(unix)]
fn open_files() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(not(unix))]
fn open_files() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_may_open_few_files_has_few_connections() {
        for (files, connections) in [(0, 4), (64, 16), (256, 112), (1024, 496), (u64::MAX, 512)] {
            assert_eq!(connections_within(files), connections, "{files}");
        }
    }
}
