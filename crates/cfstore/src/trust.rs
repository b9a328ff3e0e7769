//! Whose certificates are trusted.

use std::ffi::OsString;
use std::path::Path;

use cloudflare_clients::HyperClient;

use crate::error::{Error, Result};
use crate::variables::{CFSTORE_SYSTEM_ROOTS, SSL_CERT_FILE};

/// What the variables say of it.
#[derive(Debug)]
pub(crate) struct Trust {
    /// Certificates that are trusted besides those of authorities.
    file: Option<OsString>,
    /// Whether the authorities are the system's, and not Mozilla's.
    system_roots: Option<OsString>,
}

impl Trust {
    pub(crate) fn from_vars(var: impl Fn(&str) -> Option<OsString>) -> Self {
        let given = |name| var(name).filter(|value| !value.is_empty());
        Self { file: given(SSL_CERT_FILE), system_roots: given(CFSTORE_SYSTEM_ROOTS) }
    }

    /// A client that trusts them. It goes through the proxies of the environment.
    pub(crate) fn client(&self) -> Result<HyperClient> {
        let client = match &self.file {
            Some(file) => trusting(Path::new(file))?,
            None => HyperClient::new()?,
        };
        match self.system_roots.as_ref().map(|value| value.to_string_lossy().to_ascii_lowercase()).as_deref()
        {
            None | Some("0" | "false") => Ok(client),
            Some("1" | "true") => Ok(client.with_native_roots()?),
            Some(other) => Err(Error::usage(
                format!("{CFSTORE_SYSTEM_ROOTS} is {other:?}"),
                "1 trusts the authorities of this system, and 0 those of Mozilla",
            )),
        }
    }
}

fn trusting(file: &Path) -> Result<HyperClient> {
    let unusable = |why: &dyn std::fmt::Display| {
        Error::usage(
            format!("{SSL_CERT_FILE}={}: {why}", file.display()),
            "it names a file of PEM, such as the one that `cfstore serve --tls` tells of",
        )
    };
    let pem = std::fs::read(file).map_err(|error| unusable(&error))?;
    HyperClient::trusting(&pem).map_err(|error| unusable(&error.message()))
}
