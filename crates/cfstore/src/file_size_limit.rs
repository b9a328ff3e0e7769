//! `ulimit -f`: makes a write beyond the limit fail instead of ending the process.

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Catches SIGXFSZ, which ends the process by default. A write beyond the limit then fails with EFBIG, see
/// [setrlimit(2)](https://man7.org/linux/man-pages/man2/setrlimit.2.html).
#[cfg(unix)]
pub(crate) fn survive() -> Option<Signal> {
    let taken = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()));
    taken.inspect_err(|error| tracing::debug!(%error, "SIGXFSZ cannot be ignored")).ok()
}

#[cfg(not(unix))]
pub(crate) fn survive() {}
