//! Location of the buckets or namespaces of an account: a service, or the embedded store.

use std::path::PathBuf;

use cloudflare_clients::LocalStore;

use crate::bucket_location::absolute;
use crate::error::{Error, Result};
use crate::printer::Printer;

/// The buckets or the namespaces of an account.
pub(crate) trait OfAccount: Sized {
    /// Reason for using the embedded store, for the note that says so.
    const REASON: &str;

    fn of_store(store: LocalStore) -> Self;
}

/// Location of an account.
#[derive(Debug)]
pub(crate) enum AccountLocation<T> {
    /// A service, with its name in summaries.
    Service(T, String),
    /// The embedded store in this folder.
    Embedded(PathBuf),
}

impl<T: OfAccount> AccountLocation<T> {
    /// Returns its name in summaries.
    pub(crate) fn target(&self) -> String {
        match self {
            Self::Service(_, target) => target.clone(),
            Self::Embedded(directory) => absolute(directory).display().to_string(),
        }
    }

    /// Opens the account. The embedded store must exist.
    pub(crate) async fn open(self, printer: Printer) -> Result<T> {
        match &self {
            Self::Embedded(directory) if !directory.is_dir() => Err(Error::NoStore(directory.clone())),
            _ => self.open_or_create(printer).await,
        }
    }

    /// Opens the account. Creates the embedded store if it does not exist.
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
