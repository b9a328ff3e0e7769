//! The TLS certificates to trust.

use std::ffi::OsString;
use std::path::Path;

use cloudflare_clients::HyperClient;

use crate::error::{Error, Result};
use crate::variables::{CFSTORE_SYSTEM_ROOTS, SSL_CERT_FILE};

/// The variables that select the certificates to trust.
#[derive(Debug)]
pub(crate) struct Trust {
    /// Additional certificates, in a PEM file.
    file: Option<OsString>,
    /// Whether to trust the authorities of the system instead of Mozilla's.
    system_roots: Option<OsString>,
}

impl Trust {
    pub(crate) fn from_vars(var: impl Fn(&str) -> Option<OsString>) -> Self {
        let given = |name| var(name).filter(|value| !value.is_empty());
        Self { file: given(SSL_CERT_FILE), system_roots: given(CFSTORE_SYSTEM_ROOTS) }
    }

    /// Creates a client that trusts them. It uses the proxies of the environment.
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
                format!("{CFSTORE_SYSTEM_ROOTS} is {other:?}, but must be 0 or 1"),
                "set it to 1 to trust the authorities of this system, or to 0 to trust Mozilla's",
            )),
        }
    }
}

fn trusting(file: &Path) -> Result<HyperClient> {
    let unusable = |why: &dyn std::fmt::Display| {
        Error::usage(
            format!("{SSL_CERT_FILE}={}: {why}", file.display()),
            "set it to a PEM file of certificates, such as the one that `cfstore serve --tls` prints, or unset it",
        )
    };
    let pem = std::fs::read(file).map_err(|error| unusable(&error))?;
    HyperClient::trusting(&pem).map_err(|error| unusable(&error.message()))
}
