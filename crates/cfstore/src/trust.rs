//! Certificates that are trusted besides those of public authorities.

use std::path::Path;
use std::sync::Arc;

use cloudflare_clients::{HttpClient, HyperClient};

use crate::error::{Error, Result};

/// The variable that OpenSSL, curl and Go know too.
const SSL_CERT_FILE: &str = "SSL_CERT_FILE";

/// A client that trusts the certificates of the file that `SSL_CERT_FILE` names, where it names one.
pub(crate) fn http_client() -> Result<Option<Arc<dyn HttpClient>>> {
    let Some(file) = std::env::var_os(SSL_CERT_FILE).filter(|file| !file.is_empty()) else {
        return Ok(None);
    };
    let file = Path::new(&file);
    let pem = std::fs::read(file).map_err(|error| Error::file(file, "cannot be read", &error))?;
    let client = HyperClient::trusting(&pem).map_err(|error| {
        Error::usage(
            format!("{SSL_CERT_FILE}={}: {}", file.display(), error.message()),
            "it names a file of PEM, such as the one that `cfstore serve --tls` tells of",
        )
    })?;
    Ok(Some(Arc::new(client)))
}
