//! The bucket and namespace to examine, as named by the variables.

use std::ffi::OsString;

use cloudflare_clients::kv::KvConfig;
use cloudflare_clients::r2::{R2SigningClient, R2SigningConfig};
use cloudflare_clients::s3::endpoint::Endpoint;
use cloudflare_clients::{HyperClient, Result};

use super::access::{Access, Keys, is_r2};
use super::connection::{Proxy, proxy_variable};
use super::finding::Finding;
use super::http::Http;
use super::secrets::Secrets;
use crate::variables::{
    CLOUDFLARE_API_TOKEN, KV_NAMESPACE_ID, R2_ACCESS_KEY_ID, R2_BUCKET_MEDIA, R2_ENDPOINT, R2_REGION,
    R2_SECRET_ACCESS_KEY, R2_SESSION_TOKEN, is_set,
};

pub(super) const VARIABLES: &str = "variables";

/// The parsed variables.
pub(super) struct Subject {
    /// The bucket, or why the variables do not name one.
    pub(super) bucket: Result<Bucket>,
    /// `None` if no namespace is named.
    pub(super) namespace: Option<Result<KvConfig>>,
    pub(super) secrets: Secrets,
}

/// A bucket with its variables.
pub(super) struct Bucket {
    pub(super) endpoint: Endpoint,
    pub(super) name: String,
    keys: Keys,
    pub(super) region: Option<String>,
    /// The endpoint as written in the variable.
    given_endpoint: Option<String>,
}

impl Subject {
    pub(super) fn from_vars(var: impl Fn(&str) -> Option<OsString>, bucket: Option<&str>) -> Self {
        let text = |name: &str| {
            let value = var(name)?.into_string().ok()?.trim().to_owned();
            (!value.is_empty()).then_some(value)
        };
        let mut secrets = Secrets::default();
        for name in [R2_SECRET_ACCESS_KEY, R2_SESSION_TOKEN, CLOUDFLARE_API_TOKEN] {
            secrets.add(&text(name).unwrap_or_default());
        }
        let namespace = is_set(var(KV_NAMESPACE_ID)).then(|| KvConfig::from_vars(&var));
        let named = |name: &str| match bucket {
            Some(bucket) if name == R2_BUCKET_MEDIA => Some(bucket.into()),
            _ => var(name),
        };
        let bucket = R2SigningConfig::from_vars(named).and_then(R2SigningClient::new).map(|signing| Bucket {
            endpoint: signing.endpoint().clone(),
            name: signing.bucket_name().to_owned(),
            keys: Keys {
                access_key_id: text(R2_ACCESS_KEY_ID).unwrap_or_default(),
                secret_access_key: text(R2_SECRET_ACCESS_KEY).unwrap_or_default(),
                session_token: text(R2_SESSION_TOKEN),
            },
            region: text(R2_REGION),
            given_endpoint: text(R2_ENDPOINT),
        });
        Self { bucket, namespace, secrets }
    }

    /// Returns the proxy between this client and the bucket, if any.
    pub(super) fn proxy(&self, client: &HyperClient) -> Option<Proxy> {
        let endpoint = &self.bucket.as_ref().ok()?.endpoint;
        let url = endpoint.url(None, None).ok()?.parse().ok()?;
        // An unusable proxy makes the first request fail, which is reported.
        let address = client.proxy_for(&url).ok()??;
        let variable = proxy_variable(endpoint.scheme(), |name| std::env::var_os(name))?;
        Some(Proxy { address, variable })
    }

    /// Checks the variables without a request.
    pub(super) fn finding(&self) -> Finding {
        match &self.bucket {
            Ok(bucket) => bucket.finding(),
            Err(error) => Finding::broken(VARIABLES, error.message(), "no request can be sent without them")
                .mend("cfstore --help  # explains the variables; the R2 page of Cloudflare's dashboard shows the values"),
        }
    }
}

impl Bucket {
    pub(super) fn access(&self, http: Http) -> Result<Access> {
        Access::new(http, self.endpoint.clone(), &self.name, self.keys.clone(), self.region.clone())
    }

    /// Whether its credentials are temporary, so they may be limited to a prefix.
    pub(super) fn is_temporary(&self) -> bool {
        self.keys.session_token.is_some()
    }

    fn finding(&self) -> Finding {
        let (id, secret) = (self.keys.access_key_id.len(), self.keys.secret_access_key.len());
        let seen = format!("bucket {} at {}", self.name, self.endpoint);
        if id == 64 && secret == 32 {
            return Finding::broken(
                VARIABLES,
                format!("{R2_ACCESS_KEY_ID} has 64 characters, and {R2_SECRET_ACCESS_KEY} has 32"),
                "an access key id has 32 characters and a secret access key 64: the two values are swapped",
            )
            .mend(format!("export {R2_ACCESS_KEY_ID}=... {R2_SECRET_ACCESS_KEY}=...  # swap their values"));
        }
        let is_named_in = |given: &String| given.trim_end_matches('/') != self.endpoint.to_string();
        match &self.given_endpoint {
            // Only for R2, where a bucket in the URL can be recognized.
            Some(given) if is_r2(&self.endpoint) && given.to_ascii_lowercase().contains(&self.name) && is_named_in(given) => {
                Finding::warning(
                    VARIABLES,
                    format!("{R2_ENDPOINT} names the bucket {}, as the dashboard shows it", self.name),
                    "cfstore removes the bucket from it; other S3 clients would send the bucket's name twice, and find nothing",
                )
                .mend(format!("export {R2_ENDPOINT}={}", self.endpoint))
            }
            _ => Finding::ok(VARIABLES, seen, "all required variables are set and well-formed"),
        }
    }
}
