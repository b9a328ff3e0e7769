//! Certificates that are trusted besides those of public authorities.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use cloudflare_clients::{HttpClient, HyperClient};

use crate::error::{Error, Result};
use crate::variables::SSL_CERT_FILE;

/// A client that trusts the certificates of the file that `SSL_CERT_FILE` names, where it names one.
pub(crate) fn http_client(file: Option<OsString>) -> Result<Option<Arc<dyn HttpClient>>> {
    let Some(file) = file.filter(|file| !file.is_empty()) else {
        return Ok(None);
    };
    let file = Path::new(&file);
    let unusable = |why: &dyn std::fmt::Display| {
        Error::usage(
            format!("{SSL_CERT_FILE}={}: {why}", file.display()),
            "it names a file of PEM, such as the one that `cfstore serve --tls` tells of",
        )
    };
    let pem = std::fs::read(file).map_err(|error| unusable(&error))?;
    let client = HyperClient::trusting(&pem).map_err(|error| unusable(&error.message()))?;
    Ok(Some(Arc::new(client)))
}
