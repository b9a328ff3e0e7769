//! Where the namespace of the `kv` commands is: on Cloudflare if its id is set, else in the embedded store.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use cloudflare_clients::kv::{KvClient, KvConfig};
use cloudflare_clients::{LocalNamespace, RestNamespace};

use crate::cli::DATA_DIRECTORY;
use crate::error::{Error, Result};
use crate::printer::Printer;
use crate::variables::{KV_NAMESPACE_ID, Variables, is_set};

/// The title of the embedded store's namespace.
pub(crate) const LOCAL_NAMESPACE: &str = "local";

/// What to do about variables that are missing or wrong.
const VARIABLES_HINT: &str =
    "`cfstore --help` tells what each of them holds; without KV_NAMESPACE_ID the embedded store is used";

/// Where the namespace is.
#[derive(Debug)]
pub(crate) enum NamespaceLocation {
    Cloudflare(KvConfig),
    Embedded(PathBuf),
}

impl NamespaceLocation {
    /// The location that the environment, or a file in its place, stands for.
    pub(crate) fn select(env_file: Option<&Path>) -> Result<Self> {
        let variables = Variables::read(env_file)?;
        match (Self::from_vars(|name| variables.get(name))?, env_file) {
            (Self::Embedded(_), Some(path)) => Err(Error::usage(
                format!("{} does not set {KV_NAMESPACE_ID}", path.display()),
                VARIABLES_HINT,
            )),
            (selected, _) => Ok(selected),
        }
    }

    fn from_vars(var: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        // The other variables are those of many programs, and mean nothing by themselves.
        if !is_set(var(KV_NAMESPACE_ID)) {
            return Ok(Self::Embedded(DATA_DIRECTORY.into()));
        }
        KvConfig::from_vars(var)
            .map(Self::Cloudflare)
            .map_err(|error| Error::usage(error.message(), VARIABLES_HINT))
    }

    /// The client of the namespace, whose store has to be there.
    pub(crate) async fn open(self, printer: Printer) -> Result<KvClient> {
        match &self {
            Self::Embedded(directory) if !directory.is_dir() => Err(Error::NoStore(directory.clone())),
            _ => self.open_or_create(printer).await,
        }
    }

    /// The client of the namespace. It creates the embedded store if its directory has none.
    pub(crate) async fn open_or_create(self, printer: Printer) -> Result<KvClient> {
        match self {
            Self::Cloudflare(config) => Ok(KvClient::new(RestNamespace::new(config)?)),
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
        assert!(matches!(select(&[account, token, id]), Ok(NamespaceLocation::Cloudflare(_))));
        let error = select(&[id, token]).unwrap_err();
        assert_eq!(error.exit_status(), crate::error::ExitStatus::Usage);
        assert!(error.to_string().contains("CLOUDFLARE_ACCOUNT_ID"), "{error}");
    }
}
