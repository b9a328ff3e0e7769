//! Account id, API token and namespace id for the REST API.

use std::ffi::OsString;
use std::fmt;

use super::account_config::KvAccountConfig;
use crate::env::{self, Variables};
use crate::error::Result;
use crate::wire::kv_rest::validate_namespace_id;
#[cfg(any(test, all(feature = "http", not(target_arch = "wasm32"))))]
use crate::wire::kv_rest::{ApiToken, NamespaceUrl};

/// Account id, API token and namespace id to reach one namespace over Cloudflare's REST API.
/// `RestNamespace::new` validates the values.
///
/// The [API token](https://developers.cloudflare.com/fundamentals/api/get-started/create-token/) needs the
/// permission *Workers KV Storage Read* or *Write*. `Debug` hides it. Cloudflare's account ids have 32
/// hexadecimal characters in lower case. Any id that can be part of a host name is accepted; Cloudflare
/// rejects ids that do not exist.
///
/// ```
/// use cloudflare_clients::kv::KvConfig;
///
/// let config = KvConfig::new(
///     "0123456789abcdef0123456789abcdef",
///     "the-api-token",
///     "fedcba9876543210fedcba9876543210",
/// );
/// # let _ = config;
/// ```
#[derive(Clone)]
pub struct KvConfig {
    account: KvAccountConfig,
    namespace_id: String,
}

impl KvConfig {
    /// Creates a configuration for Cloudflare's API. No value is validated yet.
    pub fn new(
        account_id: impl Into<String>,
        api_token: impl Into<String>,
        namespace_id: impl Into<String>,
    ) -> Self {
        Self::in_account(KvAccountConfig::new(account_id, api_token), namespace_id)
    }

    /// Creates a configuration for a namespace of a configured account.
    pub fn in_account(account: KvAccountConfig, namespace_id: impl Into<String>) -> Self {
        Self { account, namespace_id: namespace_id.into() }
    }

    /// Reads the process's environment variables; see [`from_vars`](Self::from_vars).
    ///
    /// # Errors
    /// The errors of [`from_vars`](Self::from_vars).
    #[cfg(not(target_arch = "wasm32"))]
    pub fn from_env() -> Result<Self> {
        Self::from_vars(|name| std::env::var_os(name))
    }

    /// Reads variables from a lookup function, such as one over a Worker's environment or a map.
    ///
    /// | variable | |
    /// |---|---|
    /// | `CLOUDFLARE_ACCOUNT_ID` | required |
    /// | `CLOUDFLARE_API_TOKEN` | required |
    /// | `KV_NAMESPACE_ID` | required |
    /// | `CLOUDFLARE_API_BASE_URL` | another server, instead of `https://api.cloudflare.com/client/v4` |
    ///
    /// wrangler reads `CLOUDFLARE_API_BASE_URL` too.
    ///
    /// A value is a `String`, or an `OsString` as [`std::env::var_os`] returns it. White space around it is
    /// ignored, and an empty value counts as missing.
    ///
    /// # Errors
    /// A single [`ErrorKind::InvalidInput`](crate::ErrorKind) lists every missing variable and every
    /// malformed one with the reason.
    pub fn from_vars<V: Into<OsString>>(var: impl Fn(&str) -> Option<V>) -> Result<Self> {
        Self::from_variables(Variables::new(&|name| var(name).map(Into::into)))
    }

    fn from_variables(mut variables: Variables<'_>) -> Result<Self> {
        let account = KvAccountConfig::from_variables(&mut variables);
        let config = Self::in_account(account, variables.required(env::KV_NAMESPACE_ID));
        config.account.report_faults(&mut variables);
        if let Err(fault) = validate_namespace_id(&config.namespace_id) {
            let name = env::KV_NAMESPACE_ID;
            variables.malformed(name, format_args!("{name}: {}", fault.message()));
        }
        variables.check("KV")?;
        Ok(config)
    }

    /// Sets another server that implements Cloudflare's API, such as a local one at
    /// `http://127.0.0.1:9710/client/v4`. The token is sent to it, so the URL must use `https` unless the
    /// host is a loopback address.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.account = self.account.base_url(url);
        self
    }

    /// Validates every value.
    #[cfg(any(test, all(feature = "http", not(target_arch = "wasm32"))))]
    pub(crate) fn into_parts(self) -> Result<(NamespaceUrl, ApiToken)> {
        let (namespaces, token) = self.account.into_parts()?;
        Ok((NamespaceUrl::new(namespaces, self.namespace_id)?, token))
    }
}

impl fmt::Debug for KvConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KvConfig")
            .field("account_id", &self.account.account_id)
            .field("namespace_id", &self.namespace_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    const ACCOUNT: &str = "0123456789abcdef0123456789abcdef";
    const NAMESPACE: &str = "fedcba9876543210fedcba9876543210";

    fn from_vars(vars: &[(&str, &str)]) -> Result<KvConfig> {
        KvConfig::from_vars(|name| {
            let (_, value) = vars.iter().find(|(var, _)| *var == name)?;
            Some((*value).to_owned())
        })
    }

    #[test]
    fn one_error_names_every_missing_variable() {
        let error = from_vars(&[("CLOUDFLARE_API_TOKEN", "t"), ("KV_NAMESPACE_ID", " ")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Missing KV environment variables: CLOUDFLARE_ACCOUNT_ID, KV_NAMESPACE_ID"
        );
        let error = from_vars(&[("CLOUDFLARE_ACCOUNT_ID", "a"), ("KV_NAMESPACE_ID", NAMESPACE)]).unwrap_err();
        assert!(
            error
                .message()
                .starts_with("Missing KV environment variables: CLOUDFLARE_API_TOKEN. To get credentials")
        );
    }

    #[test]
    fn one_error_says_of_every_variable_what_is_wrong_with_it() {
        let error = from_vars(&[
            ("CLOUDFLARE_ACCOUNT_ID", "a b"),
            ("CLOUDFLARE_API_TOKEN", "s3cret token"),
            ("CLOUDFLARE_API_BASE_URL", "localhost"),
        ])
        .unwrap_err();
        let message = error.message();
        assert!(message.starts_with("Missing KV environment variables: KV_NAMESPACE_ID; "), "{message}");
        for fault in [
            "CLOUDFLARE_ACCOUNT_ID: \"a b\" (3 characters) is not an account id",
            "CLOUDFLARE_API_TOKEN: the credentials cannot be used: the API token has white space",
            "CLOUDFLARE_API_BASE_URL: the API's base URL: endpoint \"localhost\" has no scheme",
        ] {
            assert!(message.contains(&format!("; {fault}")), "{message}");
        }
        assert!(!message.contains("s3cret"), "{message}");
    }

    #[test]
    fn reads_the_variables_without_the_space_around_them() {
        let vars = [
            ("CLOUDFLARE_ACCOUNT_ID", "0123456789abcdef0123456789abcdef\n"),
            ("CLOUDFLARE_API_TOKEN", " token\r\n"),
            ("KV_NAMESPACE_ID", NAMESPACE),
        ];
        let (url, token) = from_vars(&vars).unwrap().into_parts().unwrap();
        let at = format!("accounts/{ACCOUNT}/storage/kv/namespaces/{NAMESPACE}");
        assert_eq!(url.to_string(), format!("https://api.cloudflare.com/client/v4/{at}"));
        assert_eq!(token.to_header().unwrap(), "Bearer token");

        let base = ("CLOUDFLARE_API_BASE_URL", "http://127.0.0.1:9710/client/v4/");
        let (url, _) = from_vars(&[&vars[..], &[base]].concat()).unwrap().into_parts().unwrap();
        assert_eq!(url.to_string(), format!("http://127.0.0.1:9710/client/v4/{at}"));
    }

    #[test]
    fn the_token_never_crosses_a_network_in_the_clear() {
        let config = KvConfig::new(ACCOUNT, "s3cret", NAMESPACE);
        for url in ["http://localhost:1", "http://127.8.0.1", "http://[::1]:9710", "https://kv.example.com"] {
            config.clone().base_url(url).into_parts().unwrap();
        }
        for url in [
            "http://kv.example.com",
            "http://127.0.0.1.example.com",
            "http://10.0.0.1",
            "http://localhost.evil",
        ] {
            let error = config.clone().base_url(url).into_parts().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains("is not https"), "{error}");
        }
    }

    #[test]
    fn every_value_has_its_form_and_the_token_stays_secret() {
        for (config, why) in [
            (KvConfig::new("01/23", "s3cret", NAMESPACE), "is not an account id"),
            (KvConfig::new(ACCOUNT, "s3cret", "../x"), "is not a namespace id"),
            (KvConfig::new(ACCOUNT, "", NAMESPACE), "the credentials cannot be used: the API token is empty"),
            (
                KvConfig::new(ACCOUNT, "s3cret\n", NAMESPACE),
                "credentials cannot be used: the API token has white",
            ),
            (KvConfig::new(ACCOUNT, "s3cret", NAMESPACE).base_url("localhost"), "has no scheme"),
            (KvConfig::new(ACCOUNT, "s3cret", NAMESPACE).base_url("https://u:s3cret@h"), "user name"),
        ] {
            assert!(!format!("{config:?}").contains("s3cret"), "{config:?}");
            let error = config.into_parts().unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
        }
        let parts = KvConfig::new(ACCOUNT, "s3cret", NAMESPACE).into_parts().unwrap();
        assert!(!format!("{parts:?}").contains("s3cret"), "{parts:?}");
    }
}
