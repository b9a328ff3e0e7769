//! How much of the server one client, and all together, can take up.

use std::time::Duration;

/// What a [`Server`](crate::Server) bears of its clients: how many connections, and for how long it waits for
/// one.
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
    /// How many connections are open at once. Those that are between two requests end when others ask for
    /// room; beyond that, others wait. The default is 512, or less where the process may have few files open.
    pub connections: usize,
    /// How long a client may take for its headers, and stay connected between two requests: a minute by
    /// default.
    pub idle: Duration,
    /// How long a client may take for the handshake of TLS: 10 seconds by default.
    pub handshake: Duration,
    /// Over which time of waiting for a client its rate is measured: a minute by default, and a twelfth of it
    /// while others wait for a connection. Time in which the client waits for the server does not count.
    pub patience: Duration,
    /// How many bytes a second a client has to send of a body, or take of an answer, while it is waited for:
    /// 1,024 by default.
    pub min_rate: u64,
    /// How long the rest of a body is read that was refused: 10 seconds by default.
    pub drain: Duration,
    /// How many bytes there are at once of bodies that are read into memory, which are documents and forms:
    /// 256 MiB by default. A request for more is answered with 503.
    pub memory: usize,
    /// How long requests under way may take after the server was asked to stop: 10 seconds by default.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: default_connections(),
            idle: Duration::from_mins(1),
            handshake: Duration::from_secs(10),
            patience: Duration::from_mins(1),
            min_rate: 1024,
            drain: Duration::from_secs(10),
            memory: 256 << 20,
            grace: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// Sets [`connections`](Self::connections), which is 1 at least.
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

    /// Sets [`min_rate`](Self::min_rate), in bytes a second.
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

/// More connections than this help nobody on one machine.
const MOST_CONNECTIONS: u64 = 512;
/// What the process has open besides its connections: the store's database, its locks and the runtime's own.
const OTHER_FILES: u64 = 32;
/// A connection, and the file of the store that its request reads or writes.
const FILES_OF_A_CONNECTION: u64 = 2;

fn default_connections() -> usize {
    let files = open_files().unwrap_or(u64::MAX);
    connections_within(files)
}

fn connections_within(files: u64) -> usize {
    let connections = files.saturating_sub(OTHER_FILES) / FILES_OF_A_CONNECTION;
    usize::try_from(connections.clamp(4, MOST_CONNECTIONS)).unwrap_or(4)
}

/// How many files the process may have open.
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
