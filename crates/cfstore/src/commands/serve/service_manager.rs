//! What systemd, or another that does as it does, gives to the server and is told by it.

use std::net::TcpListener;

use crate::error::Result;

/// The sockets that the server was given, which listen already: the one for R2 and KV, and that of `--admin-listen`.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    pub(super) server: Option<TcpListener>,
    pub(super) admin: Option<TcpListener>,
}

#[cfg(unix)]
impl Sockets {
    /// Takes them, as `LISTEN_FDS` and `LISTEN_PID` tell of them.
    pub(super) fn take() -> Result<Self> {
        use crate::error::Error;

        let mut given = listenfd::ListenFd::from_env();
        if given.len() > 2 {
            return Err(Error::usage(
                format!("{} sockets were given by LISTEN_FDS, and `cfstore serve` takes two", given.len()),
                "the first one is for R2 and KV, the second one for health and metrics",
            ));
        }
        let mut take = |index: usize| {
            given.take_tcp_listener(index).map_err(|error| {
                Error::usage(
                    format!("the socket {index} of LISTEN_FDS cannot be used: {error}"),
                    "systemd gives such sockets by ListenStream=, with an address and a port",
                )
            })
        };
        Ok(Self { server: take(0)?, admin: take(1)? })
    }
}

#[cfg(not(unix))]
impl Sockets {
    /// Nobody gives any.
    pub(super) fn take() -> Result<Self> {
        Ok(Self::default())
    }
}

/// The server takes requests.
pub(super) fn ready() {
    #[cfg(unix)]
    notify(&sd_notify::NotifyState::Ready);
}

/// The server ends once the requests under way are done.
pub(super) fn stopping() {
    #[cfg(unix)]
    notify(&sd_notify::NotifyState::Stopping);
}

/// Does nothing where `NOTIFY_SOCKET` names nobody to tell.
#[cfg(unix)]
fn notify(state: &sd_notify::NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(std::slice::from_ref(state)) {
        tracing::warn!(%error, "{state} cannot be told to NOTIFY_SOCKET");
    }
}
