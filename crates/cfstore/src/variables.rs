//! The variables that select the store, from the environment or from a file.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;

// `cfstore --help` explains each of them.
pub(crate) use cloudflare_clients::env::*;

use crate::error::{Error, Result};

/// The file of certificates to trust. OpenSSL, curl and Go read this variable too.
pub(crate) const SSL_CERT_FILE: &str = "SSL_CERT_FILE";
/// Whether to trust the authorities of the system instead of Mozilla's.
pub(crate) const CFSTORE_SYSTEM_ROOTS: &str = "CFSTORE_SYSTEM_ROOTS";

pub(crate) enum Variables {
    Environment,
    File(HashMap<String, String>),
}

impl Variables {
    /// Reads the file, if one is given; otherwise uses the environment.
    pub(crate) fn read(env_file: Option<&Path>) -> Result<Self> {
        env_file.map_or(Ok(Self::Environment), |path| read_file(path).map(Self::File))
    }

    pub(crate) fn get(&self, name: &str) -> Option<OsString> {
        match self {
            Self::Environment => std::env::var_os(name),
            Self::File(vars) => vars.get(name).map(OsString::from),
        }
    }
}

/// Whether a variable has more than white space.
pub(crate) fn is_set(value: Option<OsString>) -> bool {
    value.is_some_and(|value| !value.to_string_lossy().trim().is_empty())
}

fn read_file(path: &Path) -> Result<HashMap<String, String>> {
    let unusable = |error: dotenvy::Error| {
        // A line that does not parse may hold a secret.
        let why = match error {
            dotenvy::Error::Io(error) => error.to_string(),
            _ => "a line does not have the form NAME=value".to_owned(),
        };
        Error::usage(
            format!("cannot read the file of variables {}: {why}", path.display()),
            format!("it must have lines like {R2_BUCKET_MEDIA}=media; `cfstore serve` prints such lines"),
        )
    };
    dotenvy::from_path_iter(path).map_err(unusable)?.map(|line| line.map_err(unusable)).collect()
}
