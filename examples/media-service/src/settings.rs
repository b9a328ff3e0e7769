//! Settings from the environment. `R2Service::from_env` and `KvClient::from_env` read those of R2 and KV.

use std::env;
use std::net::SocketAddr;

pub(crate) struct Settings {
    /// `LISTEN`: the address to listen at.
    pub(crate) listen: SocketAddr,
    /// `PUBLIC_URL`: the URL that browsers use, `http://{LISTEN}` by default.
    pub(crate) public_url: String,
    /// `LOGIN_PASSWORD`: opens every account of this demonstration.
    pub(crate) password: String,
    /// `PLAYLIST_SECRET`: signs the URLs of playlists.
    pub(crate) playlist_secret: String,
    /// `REQUEST_LIMIT`: maximum number of requests of an address in ten minutes.
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

    /// Whether cookies are sent over HTTPS only: always, unless browser and service are on one machine.
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
    variable(name).ok_or_else(|| format!("`{name}` is not set; set it to {what}"))
}

fn parsed<T: std::str::FromStr>(name: &str, default: &str) -> Result<T, String> {
    let value = variable(name).unwrap_or_else(|| default.to_owned());
    value.parse().map_err(|_| format!("`{name}` is `{value}`; set it to a value such as {default}"))
}
