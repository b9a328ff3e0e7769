//! Requests to stop: Ctrl-C and signals.

use std::time::Duration;

use crate::error::{Error, Result};

/// Maximum delay of a signal after the end of the input that it caused.
pub(crate) const INTERRUPT_DELAY: Duration = Duration::from_millis(100);

/// Completes on Ctrl-C, SIGTERM or SIGHUP (a closed terminal). Once created, none of these signals ends the
/// process by itself.
#[cfg(unix)]
pub(crate) fn requested() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let listen =
        |kind| signal(kind).map_err(|error| Error::Local(format!("cannot listen for signals: {error}")));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let mut hang_up = listen(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    })
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
