//! The account and credentials for requests about buckets.

use std::ffi::OsString;
use std::fmt;

#[cfg(any(test, all(feature = "http", not(target_arch = "wasm32"))))]
use super::endpoint::Addressing;
use super::endpoint::Jurisdiction;
#[cfg(any(test, all(feature = "http", not(target_arch = "wasm32"))))]
use super::signing_config::SigningParts;
use super::signing_config::{Location, R2SigningConfig};
use crate::env::Variables;
use crate::error::Result;

/// The account in which buckets are created, listed and deleted, with its credentials: an [`R2SigningConfig`]
/// without a bucket. `S3Buckets::new` checks the values.
///
/// The credentials are those of an [R2 API token](https://developers.cloudflare.com/r2/api/tokens/) with
/// *Admin Read & Write*, or *Admin Read* to list. `Debug` hides them. Each jurisdiction has separate buckets.
///
/// ```
/// use cloudflare_clients::r2::{R2AccountConfig, R2SigningClient};
///
/// let account = R2AccountConfig::new("0123456789abcdef0123456789abcdef", "the-key-id", "the-secret-key");
/// let client = R2SigningClient::new(account.bucket("media"))?;
/// assert_eq!(client.bucket_name(), "media");
/// # Ok::<_, cloudflare_clients::Error>(())
/// ```
#[derive(Clone)]
pub struct R2AccountConfig(R2SigningConfig);

impl R2AccountConfig {
    /// Creates the config of an account on R2.
    pub fn new(
        account_id: impl Into<String>,
        access_key_id: impl Into<String>,
        secret_access_key: impl Into<String>,
    ) -> Self {
        let location = Location::Account(account_id.into());
        Self(R2SigningConfig::at(location, access_key_id.into(), secret_access_key.into(), None))
    }

    /// Creates the config of an account at a URL: see [`R2SigningConfig::for_endpoint`]. A bucket name in a
    /// URL of R2 is ignored.
    pub fn for_endpoint(
        endpoint: impl Into<String>,
        access_key_id: impl Into<String>,
        secret_access_key: impl Into<String>,
    ) -> Self {
        let location = Location::Endpoint(endpoint.into());
        Self(R2SigningConfig::at(location, access_key_id.into(), secret_access_key.into(), None))
    }

    /// Reads the process's environment: see [`from_vars`](Self::from_vars).
    ///
    /// # Errors
    /// As for [`from_vars`](Self::from_vars).
    #[cfg(not(target_arch = "wasm32"))]
    pub fn from_env() -> Result<Self> {
        Self::from_vars(|name| std::env::var_os(name))
    }

    /// Reads variables by name: those of [`R2SigningConfig::from_vars`] except `R2_BUCKET_MEDIA`.
    ///
    /// # Errors
    /// A single [`ErrorKind::InvalidInput`](crate::ErrorKind) names all missing variables, and says what is
    /// wrong with each malformed one.
    pub fn from_vars<V: Into<OsString>>(var: impl Fn(&str) -> Option<V>) -> Result<Self> {
        R2SigningConfig::from_variables(Variables::new(&|name| var(name).map(Into::into)), false).map(Self)
    }

    /// Sets the jurisdiction of the buckets. Only for R2's own addresses.
    #[must_use]
    pub fn jurisdiction(self, jurisdiction: Jurisdiction) -> Self {
        Self(self.0.jurisdiction(jurisdiction))
    }

    /// Sets the region that requests are signed for. `auto` by default, which is R2's.
    #[must_use]
    pub fn region(self, region: impl Into<String>) -> Self {
        Self(self.0.region(region))
    }

    /// Sets the session token of temporary credentials.
    #[must_use]
    pub fn session_token(self, session_token: impl Into<String>) -> Self {
        Self(self.0.session_token(session_token))
    }

    /// Returns the config of a bucket in the account.
    #[must_use]
    pub fn bucket(self, name: impl Into<String>) -> R2SigningConfig {
        self.0.of_bucket(name.into())
    }

    /// Checks the form of every value. Bucket names go into the path, because a request may be about no
    /// bucket or a new one.
    #[cfg(any(test, all(feature = "http", not(target_arch = "wasm32"))))]
    pub(super) fn into_parts(self) -> Result<SigningParts> {
        let SigningParts { endpoint, signer, bucket_name, account_id } = self.0.into_parts()?;
        Ok(SigningParts {
            endpoint: endpoint.with_addressing(Addressing::Path)?,
            signer,
            bucket_name,
            account_id,
        })
    }
}

impl fmt::Debug for R2AccountConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("R2AccountConfig").field(&self.0).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "0123456789abcdef0123456789abcdef";

    fn url(config: R2AccountConfig) -> String {
        config.into_parts().unwrap().endpoint.url(Some("media"), None).unwrap()
    }

    #[test]
    fn the_account_is_reached_by_any_of_its_addresses() {
        let at_r2 = format!("https://{ACCOUNT}.eu.r2.cloudflarestorage.com/media");
        let eu = R2AccountConfig::new(ACCOUNT, "id", "secret").jurisdiction(Jurisdiction::Eu);
        assert_eq!(url(eu), at_r2);
        for address in [
            format!("https://{ACCOUNT}.eu.r2.cloudflarestorage.com"),
            format!("https://{ACCOUNT}.eu.r2.cloudflarestorage.com/another"),
            format!("https://another.{ACCOUNT}.eu.r2.cloudflarestorage.com"),
        ] {
            assert_eq!(url(R2AccountConfig::for_endpoint(address, "id", "secret")), at_r2);
        }
        let local = R2AccountConfig::for_endpoint("http://127.0.0.1:9710", "id", "secret");
        assert_eq!(url(local), "http://127.0.0.1:9710/media");
    }

    #[test]
    fn the_environment_needs_no_bucket() {
        let vars = |name: &str| match name {
            "R2_ACCOUNT_ID" => Some(ACCOUNT),
            "R2_ACCESS_KEY_ID" => Some("id"),
            "R2_SECRET_ACCESS_KEY" => Some("s3cret"),
            _ => None,
        };
        let config = R2AccountConfig::from_vars(vars).unwrap();
        assert!(!format!("{config:?}").contains("s3cret"));
        assert_eq!(url(config), format!("https://{ACCOUNT}.r2.cloudflarestorage.com/media"));
        let error = R2AccountConfig::from_vars(|_| None::<String>).unwrap_err();
        assert!(error.message().contains("R2_ACCOUNT_ID") && !error.message().contains("R2_BUCKET_MEDIA"));
    }
}
