//! The bucket and the credentials that URLs and requests are signed for.

use std::ffi::OsString;
use std::fmt;

use zeroize::Zeroizing;

use super::endpoint::{Addressing, Endpoint, Jurisdiction};
use super::r2_url::R2Url;
use crate::env::{self, Variables};
use crate::error::{Error, Result};
use crate::model::r2::validate_bucket_name;
use crate::secret::{may_be_secret, validate_secret};
use crate::sigv4::{Credentials, Signer};

/// The bucket to sign URLs for, and the credentials: plain values, checked by
/// [`R2SigningClient::new`](super::R2SigningClient::new).
///
/// The credentials are those of an [R2 API token](https://developers.cloudflare.com/r2/api/tokens/). `Debug`
/// hides them.
///
/// Cloudflare's account ids and access key ids have 32 characters of 0-9 and a-f, and its secret access keys
/// have 64. An access key id of 64 characters is probably the secret. Only R2 checks that, however. This
/// library refuses only values that would break the URL, a header or the host.
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
    /// The account id, if the location does not contain it.
    account_id: Option<Box<str>>,
    access_key_id: String,
    secret_access_key: Zeroizing<String>,
    session_token: Option<Zeroizing<String>>,
    /// `None` for an account without a bucket.
    bucket_name: Option<String>,
    jurisdiction: Option<Jurisdiction>,
    addressing: Option<Addressing>,
    /// R2's region if it is `None`.
    region: Option<String>,
}

#[derive(Clone)]
pub(super) enum Location {
    Account(String),
    Endpoint(String),
    /// An endpoint that is already checked.
    Resolved(Box<Endpoint>),
}

/// The values of a checked config.
pub(super) struct SigningParts {
    pub(super) endpoint: Endpoint,
    pub(super) signer: Signer,
    pub(super) bucket_name: String,
    /// `None` if neither the endpoint nor the config contains it.
    pub(super) account_id: Option<String>,
}

impl R2SigningConfig {
    /// Creates the config of a bucket on R2.
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
            Some(bucket_name.into()),
        )
    }

    /// Creates the config of a bucket at a URL: that of another server with R2's S3 API, such as
    /// `http://127.0.0.1:9710`, or one of R2 itself, as the dashboard shows it under "S3 API".
    ///
    /// A path in the URL of another server is kept before the bucket name. A URL of R2 contains the account,
    /// its jurisdiction, and optionally the bucket, in the path or the host. If it has a bucket, it must be
    /// `bucket_name`.
    ///
    /// ```
    /// use cloudflare_clients::r2::{R2SigningClient, R2SigningConfig};
    ///
    /// let config = |url| R2SigningConfig::for_endpoint(url, "the-key-id", "the-secret-key", "media");
    /// for url in [
    ///     "https://abc123def456.eu.r2.cloudflarestorage.com",
    ///     "https://abc123def456.eu.r2.cloudflarestorage.com/media",
    ///     "https://media.abc123def456.eu.r2.cloudflarestorage.com",
    /// ] {
    ///     let client = R2SigningClient::new(config(url))?;
    ///     let host = client.endpoint().host_for(Some("media"))?;
    ///     assert_eq!(host, "media.abc123def456.eu.r2.cloudflarestorage.com");
    /// }
    /// assert!(R2SigningClient::new(config("https://abc123def456.r2.cloudflarestorage.com/films")).is_err());
    /// # Ok::<_, cloudflare_clients::Error>(())
    /// ```
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
            Some(bucket_name.into()),
        )
    }

    /// Creates the config of a bucket at an endpoint that is already checked.
    pub(super) fn resolved(
        endpoint: Endpoint,
        access_key_id: String,
        secret_access_key: Zeroizing<String>,
        bucket_name: String,
    ) -> Self {
        let mut config =
            Self::at(Location::Resolved(Box::new(endpoint)), access_key_id, String::new(), Some(bucket_name));
        config.secret_access_key = secret_access_key;
        config
    }

    pub(super) fn at(
        location: Location,
        access_key_id: String,
        secret_access_key: String,
        bucket_name: Option<String>,
    ) -> Self {
        Self {
            location,
            account_id: None,
            access_key_id,
            secret_access_key: Zeroizing::new(secret_access_key),
            session_token: None,
            bucket_name,
            jurisdiction: None,
            addressing: None,
            region: None,
        }
    }

    /// Reads the process's environment: see [`from_vars`](Self::from_vars).
    ///
    /// # Errors
    /// As for [`from_vars`](Self::from_vars).
    #[cfg(not(target_arch = "wasm32"))]
    pub fn from_env() -> Result<Self> {
        Self::from_vars(|name| std::env::var_os(name))
    }

    /// Reads variables by name, for environments other than the process's: a Worker's `env`, or the values
    /// of a `.env` file.
    ///
    /// | variable | |
    /// |---|---|
    /// | `R2_ACCOUNT_ID` | required without `R2_ENDPOINT` (see below) |
    /// | `R2_ACCESS_KEY_ID` | required |
    /// | `R2_SECRET_ACCESS_KEY` | required |
    /// | `R2_BUCKET_MEDIA` | required: the bucket name |
    /// | `R2_ENDPOINT` | a URL as for [`for_endpoint`](Self::for_endpoint) |
    /// | `R2_JURISDICTION` | `eu`, `fedramp` or `us` |
    /// | `R2_SESSION_TOKEN` | for temporary credentials |
    /// | `R2_REGION` | `auto` by default |
    ///
    /// If `R2_ENDPOINT` is a URL of R2, `R2_ACCOUNT_ID` may be set to the same account. With another
    /// endpoint, only [temporary credentials](crate::r2::TempCredentials) need it.
    ///
    /// A variable is a `String`, or an `OsString` as from [`std::env::var_os`]. White space around a value is
    /// ignored, and an empty value counts as missing.
    ///
    /// # Errors
    /// A single [`ErrorKind::InvalidInput`](crate::ErrorKind) names all missing variables, and says what is
    /// wrong with each malformed one.
    pub fn from_vars<V: Into<OsString>>(var: impl Fn(&str) -> Option<V>) -> Result<Self> {
        Self::from_variables(Variables::new(&|name| var(name).map(Into::into)), true)
    }

    pub(super) fn from_variables(mut variables: Variables<'_>, of_bucket: bool) -> Result<Self> {
        let location = match variables.optional(env::R2_ENDPOINT) {
            Some(endpoint) => Location::Endpoint(endpoint),
            None => Location::Account(variables.required(env::R2_ACCOUNT_ID)),
        };
        let mut config = Self::at(
            location,
            variables.required(env::R2_ACCESS_KEY_ID),
            variables.required(env::R2_SECRET_ACCESS_KEY),
            of_bucket.then(|| variables.required(env::R2_BUCKET_MEDIA)),
        );
        if let Location::Endpoint(_) = config.location {
            config.account_id = variables.optional(env::R2_ACCOUNT_ID).map(String::into_boxed_str);
        }
        config.session_token = variables.optional(env::R2_SESSION_TOKEN).map(Zeroizing::new);
        config.region = variables.optional(env::R2_REGION);
        if let Some(text) = variables.optional(env::R2_JURISDICTION) {
            config.jurisdiction = text.parse().ok();
            if config.jurisdiction.is_none() {
                let (name, forms) = (env::R2_JURISDICTION, Jurisdiction::FORMS);
                let shown = if may_be_secret(&text) { "malformed".to_owned() } else { format!("{text:?}") };
                variables.malformed(name, format_args!("{name} is {shown}: use {forms}"));
            }
        }
        for (name, fault) in config.faults() {
            variables.malformed(name, format_args!("{name}: {}", fault.message()));
        }
        if let Location::Endpoint(url) = &config.location
            && let Ok(url) = Endpoint::parse(url)
            && let Ok(Some(url)) = R2Url::parse(&url)
            && let Some(account_id) = variables.optional(env::R2_ACCOUNT_ID)
            && !url.is_of(&account_id)
        {
            let what = "R2_ACCOUNT_ID is not the account of R2_ENDPOINT: set only one of them";
            variables.malformed(env::R2_ACCOUNT_ID, format_args!("{what}"));
        }
        variables.check("R2")?;
        Ok(config)
    }

    /// The same config for a bucket.
    pub(super) fn of_bucket(mut self, bucket_name: String) -> Self {
        self.bucket_name = Some(bucket_name);
        self
    }

    /// Sets the jurisdiction in which the bucket was created. Only for R2's own addresses.
    #[must_use]
    pub fn jurisdiction(mut self, jurisdiction: Jurisdiction) -> Self {
        self.jurisdiction = Some(jurisdiction);
        self
    }

    /// Sets a URL instead of an account: see [`for_endpoint`](Self::for_endpoint).
    #[must_use]
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.location = Location::Endpoint(endpoint.into());
        self
    }

    /// Sets the account id, if the endpoint is another server's and does not contain it. Only
    /// [temporary credentials](crate::r2::TempCredentials) need it.
    #[must_use]
    pub fn account_id(mut self, account_id: impl Into<String>) -> Self {
        self.account_id = Some(account_id.into().into_boxed_str());
        self
    }

    /// Sets where the bucket name is in URLs: by default in the host for R2, and in the path for other
    /// endpoints.
    #[must_use]
    pub fn addressing(mut self, addressing: Addressing) -> Self {
        self.addressing = Some(addressing);
        self
    }

    /// Sets the region that requests and URLs are signed for. `auto` by default, which is R2's. Other servers
    /// have other regions: Garage, for example, refuses `auto`.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Sets the session token of [temporary
    /// credentials](https://developers.cloudflare.com/r2/api/s3/tokens/#temporary-access-credentials).
    #[must_use]
    pub fn session_token(mut self, session_token: impl Into<String>) -> Self {
        self.session_token = Some(Zeroizing::new(session_token.into()));
        self
    }

    /// Checks the form of every value.
    pub(super) fn into_parts(self) -> Result<SigningParts> {
        if let Some((_, fault)) = self.faults().next() {
            return Err(fault);
        }
        let endpoint = self.resolved_endpoint()?;
        let account_id = match self.location {
            Location::Account(account_id) => Some(account_id),
            _ => match R2Url::parse(&endpoint)? {
                Some(url) => Some(url.account_id().to_owned()),
                None => self.account_id.map(String::from),
            },
        };
        let mut credentials = Credentials::new(self.access_key_id, self.secret_access_key.as_str());
        if let Some(token) = &self.session_token {
            credentials = credentials.with_session_token(token.as_str());
        }
        let signer = Signer::new(credentials);
        let signer = match self.region {
            Some(region) => signer.with_region(region),
            None => signer,
        };
        Ok(SigningParts { endpoint, signer, bucket_name: self.bucket_name.unwrap_or_default(), account_id })
    }

    /// The errors of malformed values, each with the variable that it may come from.
    fn faults(&self) -> impl Iterator<Item = (&'static str, Error)> {
        let location = match self.location {
            Location::Account(_) => env::R2_ACCOUNT_ID,
            Location::Endpoint(_) | Location::Resolved(_) => env::R2_ENDPOINT,
        };
        let session_token =
            self.session_token.as_deref().map(|token| validate_secret("session token", token));
        let region = self.region.as_deref().map(validate_region);
        let bucket_name = self.bucket_name.as_deref().map(validate_bucket_name);
        let checks = [
            (location, self.resolved_endpoint().map(drop)),
            (env::R2_ACCESS_KEY_ID, validate_access_key_id(&self.access_key_id)),
            (env::R2_SECRET_ACCESS_KEY, validate_secret("secret access key", &self.secret_access_key)),
            (env::R2_BUCKET_MEDIA, bucket_name.unwrap_or(Ok(()))),
            (env::R2_SESSION_TOKEN, session_token.unwrap_or(Ok(()))),
            (env::R2_REGION, region.unwrap_or(Ok(()))),
        ];
        checks.into_iter().filter_map(|(variable, check)| Some((variable, check.err()?)))
    }

    fn resolved_endpoint(&self) -> Result<Endpoint> {
        let endpoint = match &self.location {
            Location::Resolved(endpoint) => endpoint.as_ref().clone(),
            Location::Account(account_id) => Endpoint::r2(account_id, self.jurisdiction)?,
            Location::Endpoint(url) => {
                let custom = Endpoint::parse(url)?;
                match R2Url::parse(&custom)? {
                    Some(url) => url.into_endpoint(self.bucket_name.as_deref(), self.jurisdiction)?,
                    None if self.jurisdiction.is_some() => {
                        return Err(Error::invalid_input(
                            "a jurisdiction applies to R2's own address only: set an account id instead of an endpoint, or \
                              omit the jurisdiction",
                        ));
                    }
                    None => custom,
                }
            }
        };
        match self.addressing {
            Some(addressing) => endpoint.with_addressing(addressing),
            None => Ok(endpoint),
        }
    }
}

/// Whether the text can be part of a signature's scope and of the header with the signature.
fn fits_in_scope(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'/' | b','))
}

fn validate_access_key_id(access_key_id: &str) -> Result<()> {
    validate_secret("access key id", access_key_id)?;
    if fits_in_scope(access_key_id) {
        return Ok(());
    }
    Err(Error::invalid_input(
        "the credentials cannot be used: the access key id has a / or a comma, which separates the parts of a signature",
    ))
}

fn validate_region(region: &str) -> Result<()> {
    if !region.is_empty() && fits_in_scope(region) {
        return Ok(());
    }
    let shown = if may_be_secret(region) { "the value".to_owned() } else { format!("{region:?}") };
    Err(Error::invalid_input(format!(
        "{shown} is not a region: a region has one or more visible ASCII characters except / and comma, such as auto or \
         us-east-1"
    )))
}

impl fmt::Debug for R2SigningConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("R2SigningConfig")
            .field("bucket_name", &self.bucket_name)
            .field("jurisdiction", &self.jurisdiction)
            .field("addressing", &self.addressing)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

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

        let vars = [
            ("R2_ENDPOINT", "https://abc123.eu.r2.cloudflarestorage.com/media"),
            ("R2_ACCESS_KEY_ID", "id"),
            ("R2_SECRET_ACCESS_KEY", "secret"),
            ("R2_BUCKET_MEDIA", "media"),
        ];
        assert_eq!(url(&vars), "https://media.abc123.eu.r2.cloudflarestorage.com/");
    }

    #[test]
    fn one_error_names_every_missing_variable() {
        let error = from_vars(&[("R2_ACCESS_KEY_ID", "id"), ("R2_SECRET_ACCESS_KEY", " ")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Missing R2 environment variables: R2_ACCOUNT_ID, R2_SECRET_ACCESS_KEY, R2_BUCKET_MEDIA. To get \
             credentials, create an API token in Cloudflare's dashboard"
        );
        let error = from_vars(&[("R2_ENDPOINT", "http://localhost")]).unwrap_err();
        assert!(!error.to_string().contains("R2_ACCOUNT_ID"), "{error}");
    }

    #[test]
    fn one_error_says_of_every_variable_what_is_wrong_with_it() {
        let error = from_vars(&[
            ("R2_ACCESS_KEY_ID", "a/b"),
            ("R2_SECRET_ACCESS_KEY", "s3cret key"),
            ("R2_SESSION_TOKEN", "t0ken\u{e9}"),
            ("R2_BUCKET_MEDIA", "Media"),
            ("R2_JURISDICTION", "EU"),
            ("R2_REGION", "a/b"),
        ])
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let mut faults = error.message().split("; ");
        assert_eq!(faults.next(), Some("Missing R2 environment variables: R2_ACCOUNT_ID"));
        let faults: Vec<_> = faults.collect();
        for (at, fault) in [
            "R2_JURISDICTION is \"EU\": use eu, fedramp or us",
            "R2_ACCESS_KEY_ID: the credentials cannot be used: the access key id has a / or a comma",
            "R2_SECRET_ACCESS_KEY: the credentials cannot be used: the secret access key has white space",
            "R2_BUCKET_MEDIA: \"Media\" is not a bucket name",
            "R2_SESSION_TOKEN: the credentials cannot be used: the session token has white space",
            "R2_REGION: \"a/b\" is not a region",
        ]
        .into_iter()
        .enumerate()
        {
            assert!(faults[at].starts_with(fault), "{error}");
        }
        assert_eq!(faults.len(), 6);
        assert!(!format!("{error}").contains("s3cret") && !format!("{error}").contains("t0ken"), "{error}");

        // Anything may be pasted into the wrong variable.
        let secret = "v8Kq3s9XhT2mWcZr7LpYd5NfGb1JxQe4uA6oVi0";
        let names = ["R2_ACCOUNT_ID", "R2_BUCKET_MEDIA", "R2_JURISDICTION", "R2_REGION", "R2_ENDPOINT"];
        for name in names {
            let error = from_vars(&[(name, &format!("{secret},"))]).unwrap_err();
            assert!(error.message().contains(name) && !error.message().contains(secret), "{error}");
        }

        let error = from_vars(&[("R2_ENDPOINT", "localhost"), ("R2_ACCESS_KEY_ID", "id")]).unwrap_err();
        let start = "Missing R2 environment variables: R2_SECRET_ACCESS_KEY, R2_BUCKET_MEDIA; R2_ENDPOINT: endpoint \
                     \"localhost\" has no scheme";
        assert!(error.message().starts_with(start), "{error}");
        let hint = ". To get credentials, create an API token in Cloudflare's dashboard";
        assert!(error.message().ends_with(hint), "{error}");
    }

    #[test]
    fn an_endpoint_of_r2_and_an_account_id_are_of_the_same_account() {
        let with = |endpoint, account_id| {
            from_vars(&[
                ("R2_ENDPOINT", endpoint),
                ("R2_ACCOUNT_ID", account_id),
                ("R2_ACCESS_KEY_ID", "id"),
                ("R2_SECRET_ACCESS_KEY", "secret"),
                ("R2_BUCKET_MEDIA", "media"),
            ])
        };
        for (endpoint, account_id) in [
            ("https://abc123.r2.cloudflarestorage.com/media", "abc123"),
            ("https://media.ABC123.eu.r2.cloudflarestorage.com", "abc123"),
            ("https://abc123.r2.cloudflarestorage.com", " "),
            ("http://127.0.0.1:9710", ACCOUNT_ID),
        ] {
            with(endpoint, account_id).unwrap();
        }
        for endpoint in
            ["https://abc123.r2.cloudflarestorage.com", "https://media.abc123.eu.r2.cloudflarestorage.com"]
        {
            let error = with(endpoint, ACCOUNT_ID).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            let what = "R2_ACCOUNT_ID is not the account of R2_ENDPOINT: set only one of them";
            assert_eq!(error.message(), what);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_not_unicode_is_named() {
        use std::ffi::{OsStr, OsString};
        use std::os::unix::ffi::OsStrExt as _;

        let error = R2SigningConfig::from_vars(|name| {
            Some(match name {
                "R2_SECRET_ACCESS_KEY" => OsStr::from_bytes(b"s3cret\xff").to_owned(),
                "R2_BUCKET_MEDIA" => "media".into(),
                "R2_ACCOUNT_ID" => ACCOUNT_ID.into(),
                "R2_ACCESS_KEY_ID" => ACCESS_KEY_ID.into(),
                _ => OsString::new(),
            })
        });
        assert_eq!(error.unwrap_err().message(), "R2_SECRET_ACCESS_KEY (a credential) is not Unicode text");
    }

    #[test]
    fn what_only_r2_can_judge_is_left_to_it() {
        let long = "a".repeat(200);
        for (account_id, access_key_id, secret) in [
            ("abc123def456", "access-key-here", "secret-key-here"),
            (ACCOUNT_ID, "a", "b"),
            // The secret instead of the id, which R2 refuses.
            (ACCOUNT_ID, &long[..64], "secret"),
            ("a-b", &long, &long),
            (ACCOUNT_ID, "a+=~:@?%&b", "s/e,c+r=e~t"),
        ] {
            let config = R2SigningConfig::new(account_id, access_key_id, secret, "media");
            let client = R2SigningClient::new(config).unwrap().at(UNIX_EPOCH);
            let hour = Duration::from_secs(3600);
            let url: http::Uri = client.generate_signed_url("a", hour).unwrap().as_str().parse().unwrap();
            assert_eq!(url.host(), Some(&*format!("media.{account_id}.r2.cloudflarestorage.com")));
        }
    }

    #[test]
    fn every_value_has_its_form() {
        let good = R2SigningConfig::new(ACCOUNT_ID, ACCESS_KEY_ID, "secret", "media");
        R2SigningClient::new(good.clone()).unwrap();
        let local = R2SigningConfig::for_endpoint("http://127.0.0.1:9710", "id", "secret", "media");
        R2SigningClient::new(local.clone()).unwrap();
        let of = |account_id: &str, access_key_id: &str, secret: &str, bucket: &str| {
            R2SigningConfig::new(account_id, access_key_id, secret, bucket)
        };
        for (config, why) in [
            (
                of("evil.example/", "id", "secret", "media"),
                "\"evil.example/\" (13 characters) is not an account id",
            ),
            (of("0123456789ABCDEF", "id", "secret", "media"), "the characters a-z, 0-9 and -"),
            (of("", "id", "secret", "media"), "\"\" (0 characters) is not an account id"),
            (of(ACCOUNT_ID, "", "secret", "media"), "credentials cannot be used: the access key id is empty"),
            (
                of(ACCOUNT_ID, "i d", "secret", "media"),
                "credentials cannot be used: the access key id has white",
            ),
            (
                of(ACCOUNT_ID, "i/d", "secret", "media"),
                "credentials cannot be used: the access key id has a /",
            ),
            (
                of(ACCOUNT_ID, "i,d", "secret", "media"),
                "credentials cannot be used: the access key id has a /",
            ),
            (of(ACCOUNT_ID, "id", "", "media"), "credentials cannot be used: the secret access key is empty"),
            (
                of(ACCOUNT_ID, "id", "secret\n", "media"),
                "credentials cannot be used: the secret access key has",
            ),
            (of(ACCOUNT_ID, "id", "secret", "Media"), "\"Media\" is not a bucket name"),
            (
                good.clone().session_token("a b"),
                "credentials cannot be used: the session token has white space",
            ),
            (good.clone().session_token(""), "credentials cannot be used: the session token is empty"),
            (local.clone().jurisdiction(Jurisdiction::Eu), "a jurisdiction applies to R2's own address only"),
            (local.clone().addressing(Addressing::VirtualHost), "is an IP address"),
            (local.endpoint("127.0.0.1:9710"), "has no scheme"),
        ] {
            let error = R2SigningClient::new(config).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(why), "{error}");
        }
        for region in ["", " ", "a/b", "a b", "a\nb", "a,b", "\u{e9}"] {
            let error = R2SigningClient::new(good.clone().region(region)).unwrap_err();
            assert!(error.message().starts_with(&format!("{region:?} is not a region")), "{error}");
        }
    }

    /// From [AWS's page](https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html).
    #[test]
    fn urls_are_signed_for_the_region() {
        let config = R2SigningConfig::for_endpoint(
            "https://s3.amazonaws.com",
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "examplebucket",
        )
        .addressing(Addressing::VirtualHost)
        .region("us-east-1");
        let client = R2SigningClient::new(config).unwrap();
        // 24 May 2013.
        let now = UNIX_EPOCH + Duration::from_secs(1_369_353_600);
        let url = client.at(now).generate_signed_url("test.txt", Duration::from_secs(24 * 3600)).unwrap();
        assert_eq!(
            url.as_str(),
            "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
             &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        );
    }

    #[test]
    fn the_region_is_auto_unless_a_variable_names_another() {
        let vars = [
            ("R2_ENDPOINT", "http://127.0.0.1:3900"),
            ("R2_ACCESS_KEY_ID", "id"),
            ("R2_SECRET_ACCESS_KEY", "secret"),
            ("R2_BUCKET_MEDIA", "media"),
        ];
        let scope = |vars: &[(&str, &str)]| {
            let timestamp = crate::sigv4::Timestamp::parse("20270115T080000Z").unwrap();
            from_vars(vars).unwrap().signer().scope(&timestamp).to_string()
        };
        assert_eq!(scope(&vars), "20270115/auto/s3/aws4_request");
        assert_eq!(scope(&[&vars[..], &[("R2_REGION", " ")]].concat()), "20270115/auto/s3/aws4_request");
        let garage = scope(&[&vars[..], &[("R2_REGION", "garage")]].concat());
        assert_eq!(garage, "20270115/garage/s3/aws4_request");
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
