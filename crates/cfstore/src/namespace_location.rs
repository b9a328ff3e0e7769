//! Location of the namespace of the `kv` commands: Cloudflare if its id is set, otherwise the embedded store.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cloudflare_clients::kv::{KvClient, KvConfig};
use cloudflare_clients::{LocalNamespace, RestNamespace};

use crate::bucket_location::absolute;
use crate::cli::DATA_DIRECTORY;
use crate::error::{Error, Result};
use crate::printer::Printer;
use crate::trust::Trust;
use crate::variables::{CLOUDFLARE_ACCOUNT_ID, CLOUDFLARE_API_BASE_URL, KV_NAMESPACE_ID, Variables, is_set};

/// Title of the embedded store's namespace.
pub(crate) const LOCAL_NAMESPACE: &str = "local";

/// Hint for variables that are missing or wrong.
const VARIABLES_HINT: &str =
    "`cfstore --help` explains the variables; without KV_NAMESPACE_ID the embedded store is used";

/// Location of a namespace.
#[derive(Debug)]
pub(crate) enum NamespaceLocation {
    /// Cloudflare, with its name in summaries and the certificates to trust.
    Cloudflare(KvConfig, String, Trust),
    Embedded(PathBuf),
}

impl NamespaceLocation {
    /// Selects the location by the variables of the environment, or of a file.
    pub(crate) fn select(env_file: Option<&Path>) -> Result<Self> {
        let variables = Variables::read(env_file)?;
        let selected = Self::from_vars(|name| variables.get(name));
        match (selected.map_err(|error| error.in_file(env_file))?, env_file) {
            (Self::Embedded(_), Some(path)) => Err(Error::usage(
                format!("--env-file {} does not set {KV_NAMESPACE_ID}", path.display()),
                VARIABLES_HINT,
            )),
            (selected, _) => Ok(selected),
        }
    }

    fn from_vars(var: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        // Many programs use the other variables, so they do not select Cloudflare by themselves.
        if !is_set(var(KV_NAMESPACE_ID)) {
            return Ok(Self::Embedded(DATA_DIRECTORY.into()));
        }
        let value =
            |name| var(name).map(|value| value.to_string_lossy().trim().to_owned()).unwrap_or_default();
        let mut target =
            format!("namespace {} of account {}", value(KV_NAMESPACE_ID), value(CLOUDFLARE_ACCOUNT_ID));
        if is_set(var(CLOUDFLARE_API_BASE_URL)) {
            target = format!("{target} at {}", value(CLOUDFLARE_API_BASE_URL));
        }
        let trust = Trust::from_vars(&var);
        match KvConfig::from_vars(var) {
            Ok(config) => Ok(Self::Cloudflare(config, target, trust)),
            Err(error) => Err(Error::usage(error.message(), VARIABLES_HINT)),
        }
    }

    /// Returns its name in summaries.
    pub(crate) fn target(&self) -> String {
        match self {
            Self::Cloudflare(_, target, _) => target.clone(),
            Self::Embedded(directory) => {
                format!("namespace {LOCAL_NAMESPACE} in {}", absolute(directory).display())
            }
        }
    }

    /// Opens the namespace. The embedded store must exist.
    pub(crate) async fn open(self, printer: Printer) -> Result<KvClient> {
        match &self {
            Self::Embedded(directory) if !directory.is_dir() => Err(Error::NoStore(directory.clone())),
            _ => self.open_or_create(printer).await,
        }
    }

    /// Opens the namespace. Creates the embedded store if it does not exist.
    pub(crate) async fn open_or_create(self, printer: Printer) -> Result<KvClient> {
        match self {
            Self::Cloudflare(config, _, trust) => {
                let client = Arc::new(trust.client()?);
                Ok(KvClient::new(RestNamespace::new(config)?.with_http_client(client)))
            }
            Self::Embedded(directory) => {
                printer.note(format_args!(
                    "using the embedded store in {}/, namespace {LOCAL_NAMESPACE}: {KV_NAMESPACE_ID} is not set",
                    directory.display()
                ));
                Ok(KvClient::new(LocalNamespace::open(&directory, LOCAL_NAMESPACE).await?))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(vars: &[(&str, &str)]) -> Result<NamespaceLocation> {
        NamespaceLocation::from_vars(|name| {
            let (_, value) = vars.iter().find(|(var, _)| *var == name)?;
            Some(value.into())
        })
    }

    #[test]
    fn the_id_of_a_namespace_means_cloudflare() {
        let (account, token) = (("CLOUDFLARE_ACCOUNT_ID", "0"), ("CLOUDFLARE_API_TOKEN", "t"));
        let id = ("KV_NAMESPACE_ID", "fedcba9876543210fedcba9876543210");
        assert!(matches!(select(&[account, token]), Ok(NamespaceLocation::Embedded(_))));
        assert!(matches!(
            select(&[account, token, ("KV_NAMESPACE_ID", " ")]),
            Ok(NamespaceLocation::Embedded(_))
        ));
        assert!(matches!(select(&[account, token, id]), Ok(NamespaceLocation::Cloudflare(..))));
        let error = select(&[id, token]).unwrap_err();
        assert_eq!(error.exit_status(), crate::error::ExitStatus::Usage);
        assert!(error.to_string().contains("CLOUDFLARE_ACCOUNT_ID"), "{error}");
    }
}
