//! The environment, but for where R2 and KV are: `R2Service::from_env` and `KvClient::from_env` read that.

use std::env;
use std::net::SocketAddr;

pub(crate) struct Settings {
    /// `LISTEN`: the address to serve at.
    pub(crate) listen: SocketAddr,
    /// `PUBLIC_URL`: where browsers find the service, `http://{LISTEN}` by default.
    pub(crate) public_url: String,
    /// `LOGIN_PASSWORD`: opens every account of this demonstration.
    pub(crate) password: String,
    /// `PLAYLIST_SECRET`: signs the URLs of playlists.
    pub(crate) playlist_secret: String,
    /// `REQUEST_LIMIT`: how many requests an address may make in ten minutes.
    pub(crate) request_limit: u64,
}

impl Settings {
    pub(crate) fn from_env() -> Result<Self, String> {
        let listen = parsed("LISTEN", "127.0.0.1:8080")?;
        Ok(Self {
            listen,
            public_url: variable("PUBLIC_URL").unwrap_or_else(|| format!("http://{listen}")),
            password: required("LOGIN_PASSWORD", "the password of the demonstration's accounts")?,
            playlist_secret: required("PLAYLIST_SECRET", "32 random characters or more")?,
            request_limit: parsed("REQUEST_LIMIT", "600")?,
        })
    }

    /// Whether cookies go over HTTPS alone: always, but for a browser and a service on one machine.
    pub(crate) fn secure_cookies(&self) -> bool {
        let local = ["http://localhost", "http://127.0.0.1", "http://[::1]"];
        !local.iter().any(|start| {
            let rest = self.public_url.strip_prefix(start);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
        })
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn required(name: &str, what: &str) -> Result<String, String> {
    variable(name).ok_or_else(|| format!("set {name}: {what}"))
}

fn parsed<T: std::str::FromStr>(name: &str, default: &str) -> Result<T, String> {
    let value = variable(name).unwrap_or_else(|| default.to_owned());
    value.parse().map_err(|_| format!("{name} is {value:?}: it has to be like {default}"))
}
