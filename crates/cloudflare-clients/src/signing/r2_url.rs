//! URLs of R2's S3 API, as the dashboard shows them.

use super::endpoint::{Endpoint, Jurisdiction, R2_DOMAIN};
use crate::error::{Error, Result};

/// The parts of a URL of R2: an account, its jurisdiction, and optionally a bucket, in the host or the path.
#[derive(Debug)]
pub(super) struct R2Url<'a> {
    /// The whole URL.
    url: &'a Endpoint,
    account_id: &'a str,
    jurisdiction: Option<Jurisdiction>,
    bucket_name: Option<&'a str>,
}

impl<'a> R2Url<'a> {
    /// Parses a URL of R2. `None` for other hosts.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the URL is R2's but cannot work. It is not https, has a
    /// port, lacks an account, or has more than a bucket in its host or path.
    pub(super) fn parse(url: &'a Endpoint) -> Result<Option<Self>> {
        let Some(labels) = url.labels_before_r2() else { return Ok(None) };
        let (_, port) = url.host_and_port();
        let invalid = |why: &str| {
            Error::invalid_input(format!(
                "endpoint {url} {why}: R2's endpoint is https://ACCOUNT_ID.{R2_DOMAIN}, optionally with the bucket name as its path"
            ))
        };
        if url.scheme() != "https" {
            return Err(invalid("is not https"));
        }
        if port.is_some() {
            return Err(invalid("has a port"));
        }
        let (rest, last) = last_label(labels);
        let jurisdiction = Jurisdiction::named(last);
        let labels = if jurisdiction.is_some() { rest.unwrap_or_default() } else { labels };
        let (in_host, account_id) = last_label(labels);
        if account_id.is_empty() {
            return Err(invalid("has no account id in its host"));
        }
        let in_path = url.path_prefix().strip_prefix('/');
        let bucket_name = match (in_host, in_path) {
            (Some(name), None) if name.contains('.') => {
                return Err(invalid("has more in its host than a bucket, an account id and a jurisdiction"));
            }
            (Some(name), None) | (None, Some(name)) if !name.contains('/') => Some(name),
            (None, None) => None,
            _ => {
                return Err(invalid(
                    "has more in its path than a bucket, and keys are not part of an endpoint",
                ));
            }
        };
        Ok(Some(Self { url, account_id, jurisdiction, bucket_name }))
    }

    /// The account id in the URL.
    pub(super) fn account_id(&self) -> &'a str {
        self.account_id
    }

    /// Whether the URL has this account id.
    pub(super) fn is_of(&self, account_id: &str) -> bool {
        self.account_id.eq_ignore_ascii_case(account_id)
    }

    /// Returns the account's endpoint, for a bucket and a jurisdiction if they are given.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the URL has another bucket or jurisdiction, or the
    /// account id is malformed.
    pub(super) fn into_endpoint(
        self,
        bucket_name: Option<&str>,
        jurisdiction: Option<Jurisdiction>,
    ) -> Result<Endpoint> {
        let Self { url, account_id, .. } = self;
        // An empty name is reported elsewhere.
        let given = bucket_name.filter(|given| !given.is_empty());
        if let (Some(named), Some(bucket_name)) = (self.bucket_name, given)
            && named != bucket_name
        {
            return Err(Error::invalid_input(format!(
                "endpoint {url} names the bucket {named:?}, but the bucket is set to {bucket_name:?}: remove the name from the \
                 endpoint, or use the same name"
            )));
        }
        if let Some(given) = jurisdiction.filter(|given| self.jurisdiction != Some(*given)) {
            let own = self.jurisdiction.map_or("no jurisdiction", Jurisdiction::as_str);
            return Err(Error::invalid_input(format!(
                "endpoint {url} is of {own}, but the jurisdiction is set to {}: omit it, or use the same one",
                given.as_str()
            )));
        }
        Endpoint::r2(account_id, self.jurisdiction)
    }
}

/// Splits a host name into its last label and the labels before it.
fn last_label(labels: &str) -> (Option<&str>, &str) {
    match labels.rsplit_once('.') {
        Some((rest, last)) => (Some(rest), last),
        None => (None, labels),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::r2::{Addressing, R2SigningClient, R2SigningConfig};

    #[test]
    fn urls_of_r2_lead_to_the_account_and_its_bucket() {
        let config = |url: &str| R2SigningConfig::for_endpoint(url, "id", "secret", "media");
        for url in [
            "https://abc123.r2.cloudflarestorage.com",
            "https://abc123.r2.cloudflarestorage.com/",
            "https://abc123.r2.cloudflarestorage.com/media",
            "https://abc123.r2.cloudflarestorage.com/media/",
            "https://media.abc123.r2.cloudflarestorage.com",
            "HTTPS://Media.ABC123.R2.CloudflareStorage.com:443/",
        ] {
            for jurisdiction in
                [None, Some(Jurisdiction::Eu), Some(Jurisdiction::FedRamp), Some(Jurisdiction::Us)]
            {
                let (url, mut account) = match jurisdiction {
                    None => (url.to_owned(), R2SigningConfig::new("abc123", "id", "secret", "media")),
                    Some(jurisdiction) => {
                        let host = format!(".{}.r2.cloudflarestorage.com", jurisdiction.as_str());
                        let url = url.to_ascii_lowercase().replace(".r2.cloudflarestorage.com", &host);
                        let account = R2SigningConfig::new("abc123", "id", "secret", "media");
                        (url, account.jurisdiction(jurisdiction))
                    }
                };
                let mut given = vec![config(&url)];
                given.extend(jurisdiction.map(|jurisdiction| config(&url).jurisdiction(jurisdiction)));
                for addressing in [None, Some(Addressing::Path), Some(Addressing::VirtualHost)] {
                    let with = |config: R2SigningConfig| match addressing {
                        Some(addressing) => config.addressing(addressing),
                        None => config,
                    };
                    account = with(account);
                    let account = R2SigningClient::new(account.clone()).unwrap();
                    for given in &given {
                        let given = R2SigningClient::new(with(given.clone())).unwrap();
                        assert_eq!(given.endpoint(), account.endpoint(), "{url}");
                    }
                }
            }
        }
    }

    #[test]
    fn urls_of_r2_that_say_something_else_are_refused() {
        let other = "names the bucket \"films\", but the bucket is set to \"media\"";
        for (url, why) in [
            ("https://abc123.r2.cloudflarestorage.com/films", other),
            ("https://films.abc123.r2.cloudflarestorage.com", other),
            ("https://films.abc123.us.r2.cloudflarestorage.com", other),
            ("https://abc123.r2.cloudflarestorage.com/media/a", "has more in its path than a bucket"),
            ("https://abc123.r2.cloudflarestorage.com//media", "has more in its path than a bucket"),
            ("https://media.abc123.r2.cloudflarestorage.com/media", "has more in its path than a bucket"),
            ("https://a.media.abc123.r2.cloudflarestorage.com", "has more in its host than a bucket"),
            ("http://abc123.r2.cloudflarestorage.com", "is not https"),
            ("https://abc123.r2.cloudflarestorage.com:8443", "has a port"),
            ("https://r2.cloudflarestorage.com/media", "has no account id in its host"),
            ("https://eu.r2.cloudflarestorage.com/media", "has no account id in its host"),
            ("https://abc_123.r2.cloudflarestorage.com", "is not an account id"),
        ] {
            let config = R2SigningConfig::for_endpoint(url, "id", "secret", "media");
            let error = R2SigningClient::new(config).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{url}");
            assert!(error.message().contains(why), "{url}: {error}");
        }
        let url = "https://abc123.r2.cloudflarestorage.com";
        let config =
            R2SigningConfig::for_endpoint(url, "id", "secret", "media").jurisdiction(Jurisdiction::Eu);
        let error = R2SigningClient::new(config).unwrap_err();
        let why = format!("endpoint {url} is of no jurisdiction, but the jurisdiction is set to eu");
        assert!(error.message().starts_with(&why), "{error}");

        // Other hosts keep their path, whatever their name ends with.
        for url in
            ["https://notr2.cloudflarestorage.com/films", "https://r2.cloudflarestorage.com.example/a/b"]
        {
            let client =
                R2SigningClient::new(R2SigningConfig::for_endpoint(url, "id", "secret", "media")).unwrap();
            let found = client.endpoint().url(Some("media"), None).unwrap();
            assert_eq!(found, format!("{url}/media"));
        }
    }
}
