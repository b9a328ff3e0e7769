//! `ulimit -f`: reaching it is an error of the write, and not the end of the process.

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Takes SIGXFSZ from the system, which ends processes by it. A write beyond the limit fails with EFBIG then,
/// as [setrlimit(2)](https://man7.org/linux/man-pages/man2/setrlimit.2.html) says.
#[cfg(unix)]
pub(crate) fn survive() -> Option<Signal> {
    let taken = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()));
    taken.inspect_err(|error| tracing::debug!(%error, "SIGXFSZ cannot be ignored")).ok()
}

#[cfg(not(unix))]
pub(crate) fn survive() {}
