//! Socket activation and notifications of systemd and compatible service managers.

use std::net::TcpListener;

use crate::error::Result;

/// Listening sockets passed by the service manager: one for R2 and KV, and one for `--admin-listen`.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    pub(super) server: Option<TcpListener>,
    pub(super) admin: Option<TcpListener>,
}

#[cfg(unix)]
impl Sockets {
    /// Takes the sockets of `LISTEN_FDS` and `LISTEN_PID`.
    pub(super) fn take() -> Result<Self> {
        use crate::error::Error;

        let mut given = listenfd::ListenFd::from_env();
        if given.len() > 2 {
            return Err(Error::usage(
                format!("LISTEN_FDS passes {} sockets, but `cfstore serve` uses at most two", given.len()),
                "pass one for R2 and KV, and optionally a second one for health and metrics",
            ));
        }
        let mut take = |index: usize| {
            given.take_tcp_listener(index).map_err(|error| {
                Error::usage(
                    format!("cannot use socket {index} of LISTEN_FDS: {error}"),
                    "set ListenStream= of the systemd socket to an address and a port",
                )
            })
        };
        Ok(Self { server: take(0)?, admin: take(1)? })
    }
}

#[cfg(not(unix))]
impl Sockets {
    /// Returns none: other systems do not pass sockets.
    pub(super) fn take() -> Result<Self> {
        Ok(Self::default())
    }
}

/// Notifies the service manager that the server accepts requests.
pub(super) fn ready() {
    #[cfg(unix)]
    notify(&sd_notify::NotifyState::Ready);
}

/// Notifies the service manager that the server is stopping.
pub(super) fn stopping() {
    #[cfg(unix)]
    notify(&sd_notify::NotifyState::Stopping);
}

/// Does nothing if `NOTIFY_SOCKET` is not set.
#[cfg(unix)]
fn notify(state: &sd_notify::NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(std::slice::from_ref(state)) {
        tracing::warn!(%error, "cannot send {state} to NOTIFY_SOCKET");
    }
}
