//! Where the buckets or namespaces of an account are: at a service, or in the embedded store.

use std::path::PathBuf;

use cloudflare_clients::LocalStore;

use crate::bucket_location::absolute;
use crate::error::{Error, Result};
use crate::printer::Printer;

/// What an account has: its buckets or its namespaces.
pub(crate) trait OfAccount: Sized {
    /// Why the embedded store is used.
    const REASON: &str;

    fn of_store(store: LocalStore) -> Self;
}

/// Where an account is.
#[derive(Debug)]
pub(crate) enum AccountLocation<T> {
    /// At a service, with what summaries call it.
    Service(T, String),
    /// In the embedded store of this folder.
    Embedded(PathBuf),
}

impl<T: OfAccount> AccountLocation<T> {
    /// What summaries call it.
    pub(crate) fn target(&self) -> String {
        match self {
            Self::Service(_, target) => target.clone(),
            Self::Embedded(directory) => absolute(directory).display().to_string(),
        }
    }

    /// What the account has. An embedded store has to exist.
    pub(crate) async fn open(self, printer: Printer) -> Result<T> {
        match &self {
            Self::Embedded(directory) if !directory.is_dir() => Err(Error::NoStore(directory.clone())),
            _ => self.open_or_create(printer).await,
        }
    }

    /// What the account has. Creates the embedded store if it does not exist.
    pub(crate) async fn open_or_create(self, printer: Printer) -> Result<T> {
        match self {
            Self::Service(account, _) => Ok(account),
            Self::Embedded(directory) => {
                printer.note(format_args!(
                    "using the embedded store in {}/: {}",
                    directory.display(),
                    T::REASON
                ));
                Ok(T::of_store(LocalStore::open(&directory).await?))
            }
        }
    }
}
