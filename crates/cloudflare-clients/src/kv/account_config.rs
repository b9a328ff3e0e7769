//! Account id and API token for the REST API.

use std::ffi::OsString;
use std::fmt;

use zeroize::Zeroizing;

use crate::account::validate_account_id;
use crate::env::{self, Variables};
use crate::error::{Error, Result};
use crate::secret::validate_secret;
use crate::signing::endpoint::{Endpoint, host_and_port, is_loopback};
#[cfg(any(test, all(feature = "http", not(target_arch = "wasm32"))))]
use crate::wire::kv_rest::{ApiToken, NamespacesUrl};

/// Base URL of Cloudflare's API.
const API: &str = "https://api.cloudflare.com/client/v4";

/// Account id and API token to create, list, rename and delete namespaces over Cloudflare's REST API.
/// `RestNamespaces::new` validates the values.
///
/// The [API token](https://developers.cloudflare.com/fundamentals/api/get-started/create-token/) needs the
/// permission *Workers KV Storage Read* or *Write*. `Debug` hides it. Cloudflare's account ids have 32
/// hexadecimal characters in lower case. Any id that can be part of a host name is accepted; Cloudflare
/// rejects ids that do not exist.
///
/// ```
/// use cloudflare_clients::kv::KvAccountConfig;
///
/// let config = KvAccountConfig::new("0123456789abcdef0123456789abcdef", "the-api-token");
/// # let _ = config;
/// ```
#[derive(Clone)]
pub struct KvAccountConfig {
    pub(super) account_id: String,
    api_token: Zeroizing<String>,
    base_url: Option<String>,
}

impl KvAccountConfig {
    /// Creates a configuration for Cloudflare's API. No value is validated yet.
    pub fn new(account_id: impl Into<String>, api_token: impl Into<String>) -> Self {
        Self { account_id: account_id.into(), api_token: Zeroizing::new(api_token.into()), base_url: None }
    }

    /// Reads the process's environment variables; see [`from_vars`](Self::from_vars).
    ///
    /// # Errors
    /// The errors of [`from_vars`](Self::from_vars).
    #[cfg(not(target_arch = "wasm32"))]
    pub fn from_env() -> Result<Self> {
        Self::from_vars(|name| std::env::var_os(name))
    }

    /// Reads variables from a lookup function: those of [`KvConfig::from_vars`](super::KvConfig::from_vars)
    /// except `KV_NAMESPACE_ID`.
    ///
    /// # Errors
    /// A single [`ErrorKind::InvalidInput`](crate::ErrorKind) lists every missing variable and every
    /// malformed one with the reason.
    pub fn from_vars<V: Into<OsString>>(var: impl Fn(&str) -> Option<V>) -> Result<Self> {
        let var = |name: &str| var(name).map(Into::into);
        let mut variables = Variables::new(&var);
        let config = Self::from_variables(&mut variables);
        config.report_faults(&mut variables);
        variables.check("KV")?;
        Ok(config)
    }

    pub(super) fn from_variables(variables: &mut Variables<'_>) -> Self {
        let mut config = Self::new(
            variables.required(env::CLOUDFLARE_ACCOUNT_ID),
            variables.required(env::CLOUDFLARE_API_TOKEN),
        );
        config.base_url = variables.optional(env::CLOUDFLARE_API_BASE_URL);
        config
    }

    pub(super) fn report_faults(&self, variables: &mut Variables<'_>) {
        for (name, fault) in self.faults() {
            variables.malformed(name, format_args!("{name}: {}", fault.message()));
        }
    }

    /// Sets another server that implements Cloudflare's API, such as a local one at
    /// `http://127.0.0.1:9710/client/v4`. The token is sent to it, so the URL must use `https` unless the
    /// host is a loopback address.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Validates every value.
    #[cfg(any(test, all(feature = "http", not(target_arch = "wasm32"))))]
    pub(crate) fn into_parts(self) -> Result<(NamespacesUrl, ApiToken)> {
        if let Some((_, fault)) = self.faults().next() {
            return Err(fault);
        }
        let url = NamespacesUrl::new(self.api()?, self.account_id);
        Ok((url, ApiToken::new(self.api_token.as_str())?))
    }

    /// Returns the malformed values, each with the name of the variable that may have set it.
    fn faults(&self) -> impl Iterator<Item = (&'static str, Error)> {
        let checks = [
            (env::CLOUDFLARE_API_BASE_URL, self.api().map(drop)),
            (env::CLOUDFLARE_ACCOUNT_ID, validate_account_id(&self.account_id)),
            (env::CLOUDFLARE_API_TOKEN, validate_secret("API token", &self.api_token)),
        ];
        checks.into_iter().filter_map(|(variable, check)| Some((variable, check.err()?)))
    }

    /// Returns the base URL of the API.
    fn api(&self) -> Result<Endpoint> {
        api_endpoint(self.base_url.as_deref())
    }
}

/// Parses the base URL of an API; `None` is Cloudflare's.
pub(crate) fn api_endpoint(base_url: Option<&str>) -> Result<Endpoint> {
    let base = base_url.unwrap_or(API);
    let endpoint = Endpoint::parse(base).map_err(|error| error.explain("the API's base URL"))?;
    let host = endpoint.host_for(None)?;
    if endpoint.scheme() != "https" && !is_loopback(host_and_port(&host).0) {
        return Err(Error::invalid_input(format!(
            "the API's base URL {base:?} is not https: the API token would be sent to {host} unencrypted"
        )));
    }
    Ok(endpoint)
}

impl fmt::Debug for KvAccountConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KvAccountConfig").field("account_id", &self.account_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_needs_no_namespace() {
        let vars = |name: &str| match name {
            "CLOUDFLARE_ACCOUNT_ID" => Some("0123456789abcdef0123456789abcdef"),
            "CLOUDFLARE_API_TOKEN" => Some("s3cret"),
            _ => None,
        };
        let config = KvAccountConfig::from_vars(vars).unwrap();
        assert!(!format!("{config:?}").contains("s3cret"));
        let (url, token) = config.into_parts().unwrap();
        let expected = "https://api.cloudflare.com/client/v4/accounts/0123456789abcdef0123456789abcdef/storage/kv/namespaces";
        assert_eq!(
            (url.to_string().as_str(), token.to_header().unwrap()),
            (expected, "Bearer s3cret".parse().unwrap())
        );
        let error = KvAccountConfig::from_vars(|_| None::<String>).unwrap_err();
        assert!(
            error.message().contains("CLOUDFLARE_API_TOKEN") && !error.message().contains("KV_NAMESPACE_ID")
        );
    }
}
