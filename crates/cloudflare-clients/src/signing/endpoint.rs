//! The scheme, host and path of a bucket and its objects.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use crate::account::validate_account_id;
use crate::error::{Error, Result};
use crate::model::r2::{validate_bucket_name, validate_key};
use crate::secret::may_be_secret;
use crate::sigv4::encode_path;

pub(super) const R2_DOMAIN: &str = "r2.cloudflarestorage.com";

/// The
/// [jurisdiction](https://developers.cloudflare.com/r2/reference/data-location/#jurisdictional-restrictions)
/// in which a bucket was created. The bucket can only be reached at the jurisdiction's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Jurisdiction {
    /// The European Union: `eu`.
    Eu,
    /// `FedRAMP`: `fedramp`.
    FedRamp,
    /// The United States: `us`.
    Us,
}

impl Jurisdiction {
    /// The names of all jurisdictions, for errors.
    pub(super) const FORMS: &str = "eu, fedramp or us";

    /// Cloudflare's name of the jurisdiction: `eu`, `fedramp` or `us`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eu => "eu",
            Self::FedRamp => "fedramp",
            Self::Us => "us",
        }
    }

    /// The jurisdiction with this name.
    pub(super) fn named(text: &str) -> Option<Self> {
        [Self::Eu, Self::FedRamp, Self::Us].into_iter().find(|jurisdiction| jurisdiction.as_str() == text)
    }
}

impl FromStr for Jurisdiction {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::named(text).ok_or_else(|| {
            let forms = Self::FORMS;
            Error::invalid_input(format!("{text:?} is not a jurisdiction: use {forms}, or omit it"))
        })
    }
}

/// Where the bucket name is in a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Addressing {
    /// In the host: `https://BUCKET.ACCOUNT.r2.cloudflarestorage.com/KEY`.
    VirtualHost,
    /// In the path: `https://ACCOUNT.r2.cloudflarestorage.com/BUCKET/KEY`.
    Path,
}

/// An S3 endpoint: R2's own, or that of another server with the same API.
///
/// No key or bucket name can change the host of a URL.
///
/// ```
/// use cloudflare_clients::s3::endpoint::Endpoint;
///
/// let r2 = Endpoint::r2("0123456789abcdef0123456789abcdef", None)?;
/// assert_eq!(
///     r2.url(Some("media"), Some("a b/../c"))?,
///     "https://media.0123456789abcdef0123456789abcdef.r2.cloudflarestorage.com/a%20b/../c",
/// );
///
/// let local = Endpoint::custom("http://localhost:8787/cdn-cgi/local/r2/s3")?;
/// assert_eq!(
///     local.url(Some("media"), Some("a"))?,
///     "http://localhost:8787/cdn-cgi/local/r2/s3/media/a",
/// );
/// # Ok::<_, cloudflare_clients::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    scheme: Scheme,
    /// The host, and the port unless it is the scheme's default.
    authority: String,
    /// Empty, or a path that starts with `/` and does not end with it.
    path_prefix: String,
    addressing: Addressing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl Endpoint {
    /// Creates the R2 endpoint of an account, with bucket names in the host.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the account id cannot be part of a host name. See
    /// [`validate_account_id`].
    pub fn r2(account_id: &str, jurisdiction: Option<Jurisdiction>) -> Result<Self> {
        validate_account_id(account_id)?;
        let authority = match jurisdiction {
            None => format!("{account_id}.r2.cloudflarestorage.com"),
            Some(jurisdiction) => format!("{account_id}.{}.r2.cloudflarestorage.com", jurisdiction.as_str()),
        };
        Ok(Self {
            scheme: Scheme::Https,
            authority,
            path_prefix: String::new(),
            addressing: Addressing::VirtualHost,
        })
    }

    /// Creates the endpoint of another server, such as `http://127.0.0.1:9710`, with bucket names in the
    /// path. A path in `url` is kept before the bucket name. For a URL of R2 with a bucket in its path, use
    /// [`R2SigningConfig::for_endpoint`](crate::r2::R2SigningConfig::for_endpoint).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the text is not an `http` or `https` URL, has a user
    /// name, a query, a fragment, or a path that would need encoding, or is a URL of R2 with a path.
    pub fn custom(url: &str) -> Result<Self> {
        let endpoint = Self::parse(url)?;
        if !endpoint.path_prefix.is_empty() && endpoint.labels_before_r2().is_some() {
            return Err(Error::invalid_input(format!(
                "endpoint {endpoint} is of R2 and has a path: omit the path, or pass the URL to \
                 `R2SigningConfig::for_endpoint`, which reads the bucket from it"
            )));
        }
        Ok(endpoint)
    }

    /// Like [`custom`](Self::custom), but also accepts a URL of R2 with a path.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let invalid = |why: &str| {
            // The error must not show a secret that was passed instead of a URL, nor a password or signature
            // in a URL.
            let shown =
                if may_be_shown(url) { format!("endpoint {url:?}") } else { "the endpoint".to_owned() };
            Error::invalid_input(format!("{shown} {why}: it must look like http://127.0.0.1:9710"))
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| invalid("has no scheme"))?;
        let scheme = if scheme.eq_ignore_ascii_case("https") {
            Scheme::Https
        } else if scheme.eq_ignore_ascii_case("http") {
            Scheme::Http
        } else {
            return Err(invalid("is neither http nor https"));
        };
        if rest.contains(['?', '#']) {
            return Err(invalid("has a query or a fragment"));
        }
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, ""),
        };
        if authority.contains('@') {
            return Err(invalid("has a user name or password"));
        }
        let authority = parse_authority(scheme, authority).map_err(invalid)?;
        let path_prefix = path.trim_end_matches('/');
        if !path_prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte)) {
            return Err(invalid("has a path with characters other than A-Z a-z 0-9 - . _ ~ /"));
        }
        if path_prefix.split('/').any(|segment| segment == "." || segment == "..") {
            return Err(invalid("has . or .. in its path"));
        }
        Ok(Self { scheme, authority, path_prefix: path_prefix.to_owned(), addressing: Addressing::Path })
    }

    /// Sets where the bucket name is in URLs.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the host is an IP address, which cannot have a bucket
    /// name before it.
    pub fn with_addressing(mut self, addressing: Addressing) -> Result<Self> {
        let (host, _) = self.host_and_port();
        if addressing == Addressing::VirtualHost && (host.starts_with('[') || host.parse::<IpAddr>().is_ok())
        {
            return Err(Error::invalid_input(format!(
                "endpoint {self} is an IP address, which cannot be preceded by a bucket name: use path-style addressing"
            )));
        }
        self.addressing = addressing;
        Ok(self)
    }

    /// The scheme: `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        self.scheme.as_str()
    }

    /// The host, and the port unless it is the scheme's default.
    pub(super) fn host_and_port(&self) -> (&str, Option<&str>) {
        host_and_port(&self.authority)
    }

    /// The labels before R2's domain in a host of R2. `None` for other hosts.
    pub(super) fn labels_before_r2(&self) -> Option<&str> {
        let (host, _) = self.host_and_port();
        match host.strip_suffix(R2_DOMAIN)? {
            "" => Some(""),
            labels => labels.strip_suffix('.'),
        }
    }

    /// Empty, or a path that starts with `/` and does not end with it.
    pub(super) fn path_prefix(&self) -> &str {
        &self.path_prefix
    }

    /// Where the bucket name is in URLs.
    pub fn addressing(&self) -> Addressing {
        self.addressing
    }

    /// The `Host` header of a request about a bucket, or about the account with `None`. It has the port
    /// unless that is the scheme's default.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the bucket name is invalid.
    pub fn host_for(&self, bucket: Option<&str>) -> Result<String> {
        match bucket {
            Some(bucket) if self.addressing == Addressing::VirtualHost => {
                validate_bucket_name(bucket)?;
                Ok(format!("{bucket}.{}", self.authority))
            }
            _ => Ok(self.authority.clone()),
        }
    }

    /// The percent-encoded path of an object, of a bucket without a key, or of the account without both,
    /// exactly as it is sent and signed.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the bucket name or the key is invalid.
    pub fn path_for(&self, bucket: Option<&str>, key: Option<&str>) -> Result<String> {
        let mut path = self.path_prefix.clone();
        if let Some(bucket) = bucket {
            validate_bucket_name(bucket)?;
            if self.addressing == Addressing::Path {
                path.push('/');
                path.push_str(bucket);
            }
        }
        if let Some(key) = key {
            validate_key(key)?;
            path.push('/');
            encode_path(key, &mut path);
        }
        if path.is_empty() {
            path.push('/');
        }
        Ok(path)
    }

    /// The URL without a query.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the bucket name or the key is invalid.
    pub fn url(&self, bucket: Option<&str>, key: Option<&str>) -> Result<String> {
        let (scheme, host, path) = (self.scheme(), self.host_for(bucket)?, self.path_for(bucket, key)?);
        Ok(format!("{scheme}://{host}{path}"))
    }

    /// Identifies the service of an endpoint: the URL, with the same name for all loopback addresses.
    #[cfg(all(feature = "http", not(target_arch = "wasm32")))]
    pub(crate) fn identity(&self) -> String {
        let (host, port) = host_and_port(&self.authority);
        if !is_loopback(host) {
            return self.to_string();
        }
        format!("{}://localhost:{}{}", self.scheme(), port.unwrap_or_default(), self.path_prefix)
    }
}

/// Writes the endpoint's URL.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme(), self.authority, self.path_prefix)
    }
}

impl FromStr for Endpoint {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self> {
        Self::custom(url)
    }
}

/// Whether a host, without its port, is this machine's loopback interface.
pub(crate) fn is_loopback(host: &str) -> bool {
    let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|ip| ip.is_loopback())
}

/// Splits off the port. The last colon of an IPv6 address is within its brackets.
pub(crate) fn host_and_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !authority.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// Whether a URL contains no secret: no user name, query or fragment, and only a port after a colon. Text
/// without a scheme may be a secret that was passed by mistake.
fn may_be_shown(url: &str) -> bool {
    let rest = match url.split_once("://") {
        Some((_, rest)) => rest,
        None if may_be_secret(url) => return false,
        None => url,
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let port = authority.rsplit(']').next().and_then(|rest| rest.split_once(':'));
    !rest.contains(['@', '?', '#'])
        && port.is_none_or(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Returns the authority in lower case, without the scheme's default port.
fn parse_authority(scheme: Scheme, authority: &str) -> Result<String, &'static str> {
    let (host, port) = host_and_port(authority);
    let valid_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(ip) => ip.parse::<Ipv6Addr>().is_ok(),
        None => host.split('.').all(|label| {
            !label.is_empty()
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        }),
    };
    if !valid_host {
        return Err("has an invalid host name");
    }
    let port = match port {
        None => None,
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(port.parse::<u16>().ok().filter(|port| *port > 0).ok_or("has an invalid port")?)
        }
        Some(_) => return Err("has an invalid port"),
    };
    let host = host.to_ascii_lowercase();
    Ok(match port {
        Some(port) if port != scheme.default_port() => format!("{host}:{port}"),
        _ => host,
    })
}

#[cfg(test)]
mod tests {
    use http::Uri;
    use proptest::prelude::*;

    use super::*;
    use crate::error::ErrorKind;

    const ACCOUNT_ID: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn r2_is_virtual_hosted_and_jurisdictions_have_their_own_hosts() {
        for (jurisdiction, host) in [
            (None, "r2.cloudflarestorage.com"),
            (Some("eu"), "eu.r2.cloudflarestorage.com"),
            (Some("fedramp"), "fedramp.r2.cloudflarestorage.com"),
            (Some("us"), "us.r2.cloudflarestorage.com"),
        ] {
            let jurisdiction = jurisdiction.map(|name: &str| name.parse().unwrap());
            let endpoint = Endpoint::r2(ACCOUNT_ID, jurisdiction).unwrap();
            let account_host = format!("{ACCOUNT_ID}.{host}");
            assert_eq!(
                endpoint.url(Some("media"), Some("/a//b")).unwrap(),
                format!("https://media.{account_host}//a//b")
            );
            assert_eq!(endpoint.url(None, None).unwrap(), format!("https://{account_host}/"));
            let endpoint = endpoint.with_addressing(Addressing::Path).unwrap();
            assert_eq!(endpoint.url(Some("media"), None).unwrap(), format!("https://{account_host}/media"));
        }
    }

    #[test]
    fn custom_endpoints_keep_their_path_and_drop_default_ports() {
        for (url, object) in [
            ("http://127.0.0.1:9710", "http://127.0.0.1:9710/media/a"),
            ("HTTP://LocalHost:8787/s3/", "http://localhost:8787/s3/media/a"),
            ("https://minio_1.internal:443/", "https://minio_1.internal/media/a"),
            ("http://[::1]:80", "http://[::1]/media/a"),
            ("http://host:443", "http://host:443/media/a"),
        ] {
            let endpoint = Endpoint::custom(url).unwrap();
            assert_eq!(endpoint.url(Some("media"), Some("a")).unwrap(), object);
        }
        let endpoint = Endpoint::custom("https://s3.example:444/p")
            .unwrap()
            .with_addressing(Addressing::VirtualHost)
            .unwrap();
        assert_eq!(endpoint.url(Some("media"), Some("a")).unwrap(), "https://media.s3.example:444/p/a");
    }

    #[cfg(feature = "http")]
    #[test]
    fn this_machines_endpoints_are_one_by_all_its_names() {
        let identity = |url: &str| Endpoint::custom(url).unwrap().identity();
        for same in
            ["http://localhost:9710", "http://127.0.0.1:9710", "http://[::1]:9710", "http://127.8.0.1:9710"]
        {
            assert_eq!(identity(same), "http://localhost:9710", "{same}");
        }
        for other in [
            "http://localhost:9711",
            "https://localhost:9710",
            "http://localhost:9710/p",
            "http://localhost.example:9710",
        ] {
            assert_ne!(identity(other), "http://localhost:9710", "{other}");
        }
    }

    #[test]
    fn a_bucket_of_r2_is_not_taken_for_a_path_of_another_server() {
        for url in
            ["https://abc.r2.cloudflarestorage.com/media", "http://m.abc.EU.R2.cloudflarestorage.com:81/a/b"]
        {
            let error = Endpoint::custom(url).unwrap_err().to_string();
            assert!(error.contains("is of R2 and has a path"), "{error}");
            assert!(error.contains("R2SigningConfig::for_endpoint"), "{error}");
        }
        for url in [
            "https://abc.r2.cloudflarestorage.com",
            "https://notr2.cloudflarestorage.com/media",
            "https://r2.cloudflarestorage.com.example/media",
        ] {
            assert_eq!(Endpoint::custom(url).unwrap().to_string(), url);
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for (url, why) in [
            ("", "no scheme"),
            ("localhost:9710", "no scheme"),
            ("ftp://host", "neither http nor https"),
            ("https://", "an invalid host"),
            ("https:///path", "an invalid host"),
            ("https://ho st", "an invalid host"),
            (" https://host", "neither http nor https"),
            ("https://host\n", "an invalid host"),
            ("https://höst", "an invalid host"),
            ("https://host\\x", "an invalid host"),
            ("https://[::1", "an invalid host"),
            ("https://host:", "an invalid port"),
            ("https://host:0", "an invalid port"),
            ("https://host:65536", "an invalid port"),
            ("https://host:+80", "an invalid port"),
            ("https://host?x", "a query or a fragment"),
            ("https://host/#x", "a query or a fragment"),
            ("https://host/a b", "with characters other than"),
            ("https://host/../a", ". or .. in its path"),
        ] {
            let error = Endpoint::custom(url).unwrap_err().to_string();
            assert!(error.contains(why), "{url:?}: {error}");
        }
        for secret in [
            "5f4dcc3b5aa765d61d8327deb882cf995f4dcc3b5aa765d61d8327deb882cf99",
            "https://host/a?X-Amz-Signature=5f4dcc3b",
            "https://me:5f4dcc3b/path",
            "https://me:5f4dcc3b@host",
            "https://host/#5f4dcc3b",
        ] {
            let error = Endpoint::custom(secret).unwrap_err().to_string();
            assert!(!error.contains("5f4dcc3b"), "{error}");
        }
        let error = Endpoint::custom("https://me:hunter2@host").unwrap_err().to_string();
        assert!(error.contains("user name") && !error.contains("hunter2"), "{error}");
        for url in ["http://127.0.0.1", "http://127.0.0.1:9710", "http://[::1]", "http://[::1]:9710"] {
            let endpoint = Endpoint::custom(url).unwrap();
            let error = endpoint.with_addressing(Addressing::VirtualHost).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.message().contains(&format!("endpoint {url} is an IP address")), "{error}");
        }
    }

    #[test]
    fn names_have_their_forms() {
        let (short, long) = ("abc".to_owned(), "a".repeat(63));
        for name in [&short, &long, "a-1", "123"] {
            validate_bucket_name(name).unwrap();
        }
        for name in ["", "ab", &"a".repeat(64), "-ab", "ab-", "Abc", "a.b", "a_b", "a/b", "é12", "a\0b"] {
            let error = validate_bucket_name(name).unwrap_err();
            let expected = (ErrorKind::InvalidInput, Some("InvalidBucketName"));
            assert_eq!((error.kind(), error.code()), expected, "{name}");
        }
        assert!(validate_key(&"é".repeat(512)).is_ok());
        for key in ["", &"é".repeat(513)] {
            let error = validate_key(key).unwrap_err();
            assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidInput, Some("InvalidObjectName")));
            assert!(error.message().contains(&format!("the key has {} bytes", key.len())), "{error}");
        }
    }

    proptest! {
        #[test]
        fn nothing_changes_the_host(
            account in prop_oneof![Just(ACCOUNT_ID.to_owned()), "\\PC{0,40}"],
            url in prop_oneof![Just("http://h:1/p".to_owned()), "https?://\\PC{0,20}"],
            bucket in prop_oneof!["[a-z0-9]{3,8}", "\\PC{0,12}"],
            key in "[./:@?#%\\\\a-zé\0-\x1f]{0,20}",
        ) {
            for endpoint in [Endpoint::r2(&account, None), Endpoint::custom(&url)] {
                let Ok(endpoint) = endpoint else { continue };
                let Ok(url) = endpoint.url(Some(&bucket), Some(&key)) else { continue };
                let uri: Uri = url.parse().unwrap();
                let host = endpoint.host_for(Some(&bucket)).unwrap();
                let path = endpoint.path_for(Some(&bucket), Some(&key)).unwrap();
                prop_assert_eq!(uri.authority().unwrap().as_str(), host);
                prop_assert_eq!(uri.path_and_query().unwrap().as_str(), path);
            }
        }
    }
}
