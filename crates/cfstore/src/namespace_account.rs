//! Location of the namespaces of `cfstore kv namespace`: Cloudflare if the variables of an account are set,
//! otherwise the embedded store.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use cloudflare_clients::kv::{KvAccountConfig, Namespaces};
use cloudflare_clients::{LocalStore, RestNamespaces};

use crate::account_location::{AccountLocation, OfAccount};
use crate::cli::DATA_DIRECTORY;
use crate::error::{Error, Result};
use crate::trust::Trust;
use crate::variables::{
    CLOUDFLARE_ACCOUNT_ID, CLOUDFLARE_API_BASE_URL, CLOUDFLARE_API_TOKEN, KV_NAMESPACE_ID, Variables, is_set,
};

/// Hint for variables that are missing or wrong.
const VARIABLES_HINT: &str = "`cfstore --help` explains the variables; without CLOUDFLARE_API_TOKEN and \
                              KV_NAMESPACE_ID the embedded store is used";

pub(crate) type NamespaceAccount = AccountLocation<Namespaces>;

impl OfAccount for Namespaces {
    const REASON: &str = "CLOUDFLARE_API_TOKEN is not set";

    fn of_store(store: LocalStore) -> Self {
        Self::new(store)
    }
}

impl NamespaceAccount {
    /// Selects the account by the variables of the environment, or of a file.
    pub(crate) fn select(env_file: Option<&Path>) -> Result<Self> {
        let variables = Variables::read(env_file)?;
        let selected = Self::from_vars(|name| variables.get(name));
        match (selected.map_err(|error| error.in_file(env_file))?, env_file) {
            (Self::Embedded(_), Some(path)) => Err(Error::usage(
                format!("--env-file {} does not set {CLOUDFLARE_API_TOKEN}", path.display()),
                VARIABLES_HINT,
            )),
            (selected, _) => Ok(selected),
        }
    }

    fn from_vars(var: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        // A namespace that is to be created has no id yet.
        if ![CLOUDFLARE_API_TOKEN, KV_NAMESPACE_ID].into_iter().any(|name| is_set(var(name))) {
            return Ok(Self::Embedded(DATA_DIRECTORY.into()));
        }
        let value =
            |name| var(name).map(|value| value.to_string_lossy().trim().to_owned()).unwrap_or_default();
        let mut target = format!("account {}", value(CLOUDFLARE_ACCOUNT_ID));
        if is_set(var(CLOUDFLARE_API_BASE_URL)) {
            target = format!("{target} at {}", value(CLOUDFLARE_API_BASE_URL));
        }
        let trust = Trust::from_vars(&var);
        let usage = |error: cloudflare_clients::Error| Error::usage(error.message(), VARIABLES_HINT);
        let account = RestNamespaces::new(KvAccountConfig::from_vars(var).map_err(usage)?)?;
        let account = account.with_http_client(Arc::new(trust.client()?));
        Ok(Self::Service(Namespaces::new(account), target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(vars: &[(&str, &str)]) -> Result<NamespaceAccount> {
        NamespaceAccount::from_vars(|name| {
            let (_, value) = vars.iter().find(|(var, _)| *var == name)?;
            Some(value.into())
        })
    }

    #[tokio::test]
    async fn a_token_or_the_id_of_a_namespace_means_cloudflare() {
        let (account, token) = (("CLOUDFLARE_ACCOUNT_ID", "0"), ("CLOUDFLARE_API_TOKEN", "t"));
        let id = ("KV_NAMESPACE_ID", "fedcba9876543210fedcba9876543210");
        assert!(matches!(select(&[account]), Ok(NamespaceAccount::Embedded(_))));
        assert_eq!(select(&[account, token]).unwrap().target(), "account 0");
        for vars in [&[token][..], &[account, id]] {
            let error = select(vars).unwrap_err();
            assert_eq!(error.exit_status(), crate::error::ExitStatus::Usage);
        }
    }
}
