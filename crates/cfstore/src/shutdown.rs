//! The wish to stop.

use std::time::Duration;

use crate::error::{Error, Result};

/// How much later than the end of the input the signal that caused it may arrive.
pub(crate) const INTERRUPT_DELAY: Duration = Duration::from_millis(100);

/// Completes on Ctrl-C, SIGTERM or SIGHUP, which a terminal sends that is closed. From its creation on, none
/// of them ends the process by itself.
#[cfg(unix)]
pub(crate) fn requested() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let listen =
        |kind| signal(kind).map_err(|error| Error::Local(format!("signals cannot be listened for: {error}")));
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

/// The work's result, or [`Error::Interrupted`] when it had to stop first: it is then dropped.
pub(crate) async fn unless_requested<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let requested = requested()?;
    tokio::select! {
        result = work => result,
        () = requested => Err(Error::Interrupted),
    }
}
