//! What URLs and requests are signed with, and for which bucket.

use std::fmt;

use zeroize::Zeroizing;

use super::endpoint::{Addressing, Endpoint, Jurisdiction};
use crate::env::{self, Variables};
use crate::error::{Error, Result};
use crate::model::r2::validate_bucket_name;
use crate::secret::validate_secret;
use crate::sigv4::{Credentials, Signer};

/// Which bucket to sign URLs for, and with what: plain values, checked by
/// [`R2SigningClient::new`](super::R2SigningClient::new).
///
/// The credentials are those of an [R2 API token](https://developers.cloudflare.com/r2/api/tokens/). `Debug` hides them.
///
/// ```
/// use cloudflare_clients::r2::{R2SigningClient, R2SigningConfig};
///
/// let config = R2SigningConfig::new(
///     "0123456789abcdef0123456789abcdef",
///     "fedcba9876543210fedcba9876543210",
///     "the-secret-access-key",
///     "media",
/// );
/// let client = R2SigningClient::new(config)?;
/// assert_eq!(client.bucket_name(), "media");
/// # Ok::<_, cloudflare_clients::Error>(())
/// ```
#[derive(Clone)]
pub struct R2SigningConfig {
    location: Location,
    access_key_id: String,
    secret_access_key: Zeroizing<String>,
    session_token: Option<Zeroizing<String>>,
    bucket_name: String,
    jurisdiction: Option<Jurisdiction>,
    addressing: Option<Addressing>,
}

#[derive(Clone)]
enum Location {
    Account(String),
    Endpoint(String),
}

/// What a checked config comes to.
pub(super) struct SigningParts {
    pub(super) endpoint: Endpoint,
    pub(super) signer: Signer,
    pub(super) bucket_name: String,
}

impl R2SigningConfig {
    /// A bucket of an account on R2.
    pub fn new(
        account_id: impl Into<String>,
        access_key_id: impl Into<String>,
        secret_access_key: impl Into<String>,
        bucket_name: impl Into<String>,
    ) -> Self {
        Self::at(
            Location::Account(account_id.into()),
            access_key_id.into(),
            secret_access_key.into(),
            bucket_name.into(),
        )
    }

    /// A bucket of another server that speaks R2's S3 API, such as a local one at `http://127.0.0.1:9710`. A path in
    /// the URL is kept.
    pub fn for_endpoint(
        endpoint: impl Into<String>,
        access_key_id: impl Into<String>,
        secret_access_key: impl Into<String>,
        bucket_name: impl Into<String>,
    ) -> Self {
        Self::at(
            Location::Endpoint(endpoint.into()),
            access_key_id.into(),
            secret_access_key.into(),
            bucket_name.into(),
        )
    }

    fn at(location: Location, access_key_id: String, secret_access_key: String, bucket_name: String) -> Self {
        Self {
            location,
            access_key_id,
            secret_access_key: Zeroizing::new(secret_access_key),
            session_token: None,
            bucket_name,
            jurisdiction: None,
            addressing: None,
        }
    }

    /// Reads the process's environment: see [`from_vars`](Self::from_vars).
    #[cfg(not(target_arch = "wasm32"))]
    pub fn from_env() -> Result<Self> {
        Self::from_vars(env::of_process)
    }

    /// Reads variables by their names, for environments that are not the process's, such as a Worker's `env`.
    ///
    /// | variable | |
    /// |---|---|
    /// | `R2_ACCOUNT_ID` | needed, unless there is an `R2_ENDPOINT` |
    /// | `R2_ACCESS_KEY_ID` | needed |
    /// | `R2_SECRET_ACCESS_KEY` | needed |
    /// | `R2_BUCKET_MEDIA` | needed: the bucket's name |
    /// | `R2_ENDPOINT` | another server's URL |
    /// | `R2_JURISDICTION` | `eu`, `fedramp` or `us` |
    /// | `R2_SESSION_TOKEN` | of temporary credentials |
    ///
    /// White space around a value does not count, and an empty value counts as missing.
    ///
    /// # Errors
    /// One error names all variables that are missing; another says that the jurisdiction is not one.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let mut variables = Variables::new(var);
        let location = match variables.optional(env::R2_ENDPOINT) {
            Some(endpoint) => Location::Endpoint(endpoint),
            None => Location::Account(variables.required(env::R2_ACCOUNT_ID)),
        };
        let mut config = Self::at(
            location,
            variables.required(env::R2_ACCESS_KEY_ID),
            variables.required(env::R2_SECRET_ACCESS_KEY),
            variables.required(env::R2_BUCKET_MEDIA),
        );
        variables.check("R2")?;
        if let Some(jurisdiction) = variables.optional(env::R2_JURISDICTION) {
            let jurisdiction =
                jurisdiction.parse().map_err(|error: Error| error.explain(env::R2_JURISDICTION))?;
            config = config.jurisdiction(jurisdiction);
        }
        if let Some(token) = variables.optional(env::R2_SESSION_TOKEN) {
            config = config.session_token(token);
        }
        Ok(config)
    }

    /// The jurisdiction that the bucket was created in. R2's own addresses only.
    #[must_use]
    pub fn jurisdiction(mut self, jurisdiction: Jurisdiction) -> Self {
        self.jurisdiction = Some(jurisdiction);
        self
    }

    /// Another server instead of R2: see [`for_endpoint`](Self::for_endpoint).
    #[must_use]
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.location = Location::Endpoint(endpoint.into());
        self
    }

    /// Where the bucket's name goes: by default in the host for R2, and in the path for other endpoints.
    #[must_use]
    pub fn addressing(mut self, addressing: Addressing) -> Self {
        self.addressing = Some(addressing);
        self
    }

    /// The session token of [temporary credentials](https://developers.cloudflare.com/r2/api/s3/tokens/#temporary-access-credentials).
    #[must_use]
    pub fn session_token(mut self, session_token: impl Into<String>) -> Self {
        self.session_token = Some(Zeroizing::new(session_token.into()));
        self
    }

    /// Checks the form of every value.
    pub(super) fn into_parts(self) -> Result<SigningParts> {
        let mut endpoint = match &self.location {
            Location::Account(account_id) => {
                check_r2_access_key_id(&self.access_key_id)?;
                Endpoint::r2(account_id, self.jurisdiction)?
            }
            Location::Endpoint(_) if self.jurisdiction.is_some() => {
                return Err(Error::invalid_input(
                    "a jurisdiction is part of R2's own address: give an account id instead of an endpoint, or leave \
                     the jurisdiction out",
                ));
            }
            Location::Endpoint(url) => Endpoint::custom(url)?,
        };
        if let Some(addressing) = self.addressing {
            endpoint = endpoint.with_addressing(addressing)?;
        }
        validate_bucket_name(&self.bucket_name)?;
        validate_secret("access key id", &self.access_key_id)?;
        validate_secret("secret access key", &self.secret_access_key)?;
        let mut credentials = Credentials::new(self.access_key_id, self.secret_access_key.as_str());
        if let Some(token) = &self.session_token {
            validate_secret("session token", token)?;
            credentials = credentials.with_session_token(token.as_str());
        }
        Ok(SigningParts { endpoint, signer: Signer::new(credentials), bucket_name: self.bucket_name })
    }
}

/// R2's access key ids are the ids of API tokens.
fn check_r2_access_key_id(access_key_id: &str) -> Result<()> {
    match access_key_id.chars().count() {
        32 => Ok(()),
        64 => Err(Error::invalid_input(
            "the access key id has 64 characters, should be 32: is it the secret access key?",
        )),
        length => {
            Err(Error::invalid_input(format!("the access key id has {length} characters, should be 32")))
        }
    }
}

impl fmt::Debug for R2SigningConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("R2SigningConfig")
            .field("bucket_name", &self.bucket_name)
            .field("jurisdiction", &self.jurisdiction)
            .field("addressing", &self.addressing)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::r2::R2SigningClient;

    const ACCOUNT_ID: &str = "0123456789abcdef0123456789abcdef";
    const ACCESS_KEY_ID: &str = "fedcba9876543210fedcba9876543210";

    fn from_vars(vars: &[(&str, &str)]) -> Result<R2SigningClient> {
        let config = R2SigningConfig::from_vars(|name| {
            let (_, value) = vars.iter().find(|(var, _)| *var == name)?;
            Some((*value).to_owned())
        })?;
        R2SigningClient::new(config)
    }

    fn url(vars: &[(&str, &str)]) -> String {
        let client = from_vars(vars).unwrap();
        client.endpoint().url(Some(client.bucket_name()), None).unwrap()
    }

    #[test]
    fn reads_the_variables_without_the_space_around_them() {
        let vars = [
            ("R2_ACCOUNT_ID", "0123456789abcdef0123456789abcdef\n"),
            ("R2_ACCESS_KEY_ID", " fedcba9876543210fedcba9876543210"),
            ("R2_SECRET_ACCESS_KEY", "secret\r\n"),
            ("R2_BUCKET_MEDIA", "media"),
            ("R2_JURISDICTION", "eu"),
            ("R2_SESSION_TOKEN", ""),
        ];
        assert_eq!(url(&vars), format!("https://media.{ACCOUNT_ID}.eu.r2.cloudflarestorage.com/"));
        assert!(from_vars(&vars).unwrap().signer().credentials().session_token().is_none());

        let vars = [
            ("R2_ENDPOINT", "http://127.0.0.1:9710"),
            ("R2_ACCESS_KEY_ID", ACCESS_KEY_ID),
            ("R2_SECRET_ACCESS_KEY", "secret"),
            ("R2_BUCKET_MEDIA", "media"),
            ("R2_SESSION_TOKEN", "token"),
        ];
        assert_eq!(url(&vars), "http://127.0.0.1:9710/media");
        let client = from_vars(&vars).unwrap();
        assert_eq!(client.signer().credentials().session_token(), Some("token"));
    }

    #[test]
    fn one_error_names_every_missing_variable() {
        let error = from_vars(&[("R2_ACCESS_KEY_ID", "id"), ("R2_SECRET_ACCESS_KEY", " ")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Missing R2 environment variables: R2_ACCOUNT_ID, R2_SECRET_ACCESS_KEY, R2_BUCKET_MEDIA"
        );
        let error = from_vars(&[("R2_ENDPOINT", "http://localhost")]).unwrap_err();
        assert!(!error.to_string().contains("R2_ACCOUNT_ID"), "{error}");
    }

    #[test]
    fn every_value_has_its_form() {
        let good = R2SigningConfig::new(ACCOUNT_ID, ACCESS_KEY_ID, "secret", "media");
        R2SigningClient::new(good.clone()).unwrap();
        let local = R2SigningConfig::for_endpoint("http://127.0.0.1:9710", "id", "secret", "media");
        R2SigningClient::new(local.clone()).unwrap();
        for (config, why) in [
            (
                R2SigningConfig::new("0123456789abcdef01234567", ACCESS_KEY_ID, "secret", "media"),
                "24 characters",
            ),
            (
                R2SigningConfig::new(ACCOUNT_ID, "short", "secret", "media"),
                "the access key id has 5 characters, should be 32",
            ),
            (R2SigningConfig::new(ACCOUNT_ID, ACCESS_KEY_ID, "", "media"), "the secret access key is empty"),
            (
                R2SigningConfig::new(ACCOUNT_ID, ACCESS_KEY_ID, "secret\n", "media"),
                "the secret access key has white space",
            ),
            (
                R2SigningConfig::new(ACCOUNT_ID, ACCESS_KEY_ID, "secret", "Media"),
                "\"Media\" is not a bucket name",
            ),
            (good.session_token("a b"), "the session token has white space"),
            (local.clone().jurisdiction(Jurisdiction::Eu), "a jurisdiction is part of"),
            (local.clone().addressing(Addressing::VirtualHost), "is an IP address"),
            (local.endpoint("127.0.0.1:9710"), "has no scheme"),
        ] {
            let error = R2SigningClient::new(config).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(why), "{error}");
        }
        let error = from_vars(&[
            ("R2_ACCOUNT_ID", ACCOUNT_ID),
            ("R2_ACCESS_KEY_ID", ACCESS_KEY_ID),
            ("R2_SECRET_ACCESS_KEY", "secret"),
            ("R2_BUCKET_MEDIA", "media"),
            ("R2_JURISDICTION", "EU"),
        ]);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("R2_JURISDICTION") && error.contains("fedramp"), "{error}");
    }

    #[test]
    fn debug_tells_no_secrets() {
        let config = R2SigningConfig::for_endpoint("http://me:hunter2@host", "id", "s3cret", "media")
            .session_token("t0ken");
        let debug = format!("{config:?}");
        assert!(debug.contains("media"), "{debug}");
        for secret in ["hunter2", "s3cret", "t0ken"] {
            assert!(!debug.contains(secret), "{debug}");
        }
        let client = R2SigningClient::new(config.endpoint("http://host")).unwrap();
        let debug = format!("{client:?} {:?}", client.presign(http::Method::GET, "a"));
        assert!(!debug.contains("s3cret") && !debug.contains("t0ken"), "{debug}");
    }
}
