//! Requests to stop: Ctrl-C and signals.

use std::time::Duration;

use crate::error::{Error, Result};

/// Maximum delay of a signal after the end of the input that it caused.
pub(crate) const INTERRUPT_DELAY: Duration = Duration::from_millis(100);

/// Completes on Ctrl-C, SIGTERM or SIGHUP (a closed terminal). Once created, none of these signals ends the
/// process by itself. SIGHUP stays ignored in a process that `nohup` started.
#[cfg(unix)]
pub(crate) fn requested() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let listen =
        |kind| signal(kind).map_err(|error| Error::Local(format!("cannot listen for signals: {error}")));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let mut hang_up =
        if is_ignored(SignalKind::hangup()) { None } else { Some(listen(SignalKind::hangup())?) };
    Ok(async move {
        let hung_up = async {
            match &mut hang_up {
                Some(hang_up) => hang_up.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hung_up => {}
        }
    })
}

/// Whether the signal is ignored, as far as the system tells: Linux does.
///
/// A handler of this process removes the signal from the mask, so that a second call is right too.
#[cfg(unix)]
fn is_ignored(kind: tokio::signal::unix::SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    (mask >> (kind.as_raw_value() - 1)) & 1 == 1
}

/// Completes on Ctrl-C.
#[cfg(not(unix))]
pub(crate) fn requested() -> Result<impl Future<Output = ()>> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}

/// Returns the result of the work. On a request to stop, drops it and returns [`Error::Interrupted`].
pub(crate) async fn unless_requested<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let requested = requested()?;
    tokio::select! {
        result = work => result,
        () = requested => Err(Error::Interrupted),
    }
}
