//! Location of the buckets of `cfstore r2 bucket`: R2 if its variables are set, otherwise the embedded store.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use cloudflare_clients::r2::{Buckets, R2AccountConfig};
use cloudflare_clients::{LocalStore, S3Buckets};

use crate::account_location::{AccountLocation, OfAccount};
use crate::bucket_location::{R2_VARIABLES, VARIABLES_HINT};
use crate::cli::DATA_DIRECTORY;
use crate::error::{Error, Result};
use crate::trust::Trust;
use crate::variables::{R2_BUCKET_MEDIA, Variables, is_set};

pub(crate) type BucketAccount = AccountLocation<Buckets>;

impl OfAccount for Buckets {
    const REASON: &str = "no R2_... variables are set";

    fn of_store(store: LocalStore) -> Self {
        Self::new(store)
    }
}

impl BucketAccount {
    /// Selects the account by the variables of the environment, or of a file.
    pub(crate) fn select(env_file: Option<&Path>) -> Result<Self> {
        let variables = Variables::read(env_file)?;
        let selected = Self::from_vars(|name| variables.get(name));
        match (selected.map_err(|error| error.in_file(env_file))?, env_file) {
            (Self::Embedded(_), Some(path)) => Err(Error::usage(
                format!("--env-file {} does not set any of the R2_... variables", path.display()),
                VARIABLES_HINT,
            )),
            (selected, _) => Ok(selected),
        }
    }

    fn from_vars(var: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        // The name of a bucket does not select an account.
        if !R2_VARIABLES.into_iter().any(|name| name != R2_BUCKET_MEDIA && is_set(var(name))) {
            return Ok(Self::Embedded(DATA_DIRECTORY.into()));
        }
        let trust = Trust::from_vars(&var);
        let usage = |error: cloudflare_clients::Error| Error::usage(error.message(), VARIABLES_HINT);
        let account = S3Buckets::new(R2AccountConfig::from_vars(var).map_err(usage)?)?;
        let target = account.endpoint().to_string();
        let account = account.with_http_client(Arc::new(trust.client()?));
        Ok(Self::Service(Buckets::new(account), target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(vars: &[(&str, &str)]) -> Result<BucketAccount> {
        BucketAccount::from_vars(|name| {
            let (_, value) = vars.iter().find(|(var, _)| *var == name)?;
            Some(value.into())
        })
    }

    #[tokio::test]
    async fn the_variables_of_an_account_mean_r2_and_that_of_a_bucket_alone_does_not() {
        assert!(matches!(select(&[]), Ok(BucketAccount::Embedded(_))));
        assert!(matches!(select(&[("R2_BUCKET_MEDIA", "media")]), Ok(BucketAccount::Embedded(_))));
        let vars = [
            ("R2_ENDPOINT", "http://127.0.0.1:9710"),
            ("R2_ACCESS_KEY_ID", "id"),
            ("R2_SECRET_ACCESS_KEY", "secret"),
        ];
        assert_eq!(select(&vars).unwrap().target(), "http://127.0.0.1:9710");
        let error = select(&vars[..2]).unwrap_err();
        assert_eq!(error.exit_status(), crate::error::ExitStatus::Usage);
        assert!(error.to_string().contains("R2_SECRET_ACCESS_KEY"), "{error}");
    }
}
