//! What is examined: the bucket and namespace that the variables name.

use std::ffi::OsString;

use cloudflare_clients::kv::KvConfig;
use cloudflare_clients::r2::{R2SigningClient, R2SigningConfig};
use cloudflare_clients::s3::endpoint::Endpoint;
use cloudflare_clients::{HyperClient, Result};

use super::access::{Access, Keys, is_r2};
use super::finding::Finding;
use super::http::Http;
use super::secrets::Secrets;
use crate::variables::{
    CLOUDFLARE_API_TOKEN, KV_NAMESPACE_ID, R2_ACCESS_KEY_ID, R2_BUCKET_MEDIA, R2_ENDPOINT, R2_REGION,
    R2_SECRET_ACCESS_KEY, R2_SESSION_TOKEN, is_set,
};

pub(super) const VARIABLES: &str = "variables";

/// The variables, as far as they make sense.
pub(super) struct Subject {
    /// The way to the bucket, or why the variables name none.
    pub(super) bucket: Result<Bucket>,
    /// `None` where no namespace is named.
    pub(super) namespace: Option<Result<KvConfig>>,
    pub(super) secrets: Secrets,
}

/// A bucket, and what the variables say of it.
pub(super) struct Bucket {
    pub(super) endpoint: Endpoint,
    pub(super) name: String,
    keys: Keys,
    pub(super) region: Option<String>,
    /// As it is written in the variable.
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

    /// The address of the proxy that this client goes through to the bucket, if any.
    pub(super) fn proxy(&self, client: &HyperClient) -> Option<String> {
        let url = self.bucket.as_ref().ok()?.endpoint.url(None, None).ok()?.parse().ok()?;
        // One that cannot be used is an error of the first request too, which is told.
        client.proxy_for(&url).ok()?
    }

    /// What the variables say by themselves.
    pub(super) fn finding(&self) -> Finding {
        match &self.bucket {
            Ok(bucket) => bucket.finding(),
            Err(error) => Finding::broken(VARIABLES, error.message(), "no request can be made without them")
                .mend("cfstore --help  # tells what each variable holds; the R2 page of Cloudflare's dashboard shows the values"),
        }
    }
}

impl Bucket {
    pub(super) fn access(&self, http: Http) -> Result<Access> {
        Access::new(http, self.endpoint.clone(), &self.name, self.keys.clone(), self.region.clone())
    }

    /// Whether its credentials are temporary, and so may be for a prefix.
    pub(super) fn is_temporary(&self) -> bool {
        self.keys.session_token.is_some()
    }

    fn finding(&self) -> Finding {
        let (id, secret) = (self.keys.access_key_id.len(), self.keys.secret_access_key.len());
        let seen = format!("bucket {} at {}", self.name, self.endpoint);
        if id == 64 && secret == 32 {
            return Finding::broken(
                VARIABLES,
                format!("{R2_ACCESS_KEY_ID} has 64 characters, and {R2_SECRET_ACCESS_KEY} 32"),
                "an access key id has 32 and a secret access key 64: each is in the other's place",
            )
            .mend(format!(
                "export {R2_ACCESS_KEY_ID}=... {R2_SECRET_ACCESS_KEY}=...  # each has the other's value now"
            ));
        }
        let is_named_in = |given: &String| given.trim_end_matches('/') != self.endpoint.to_string();
        match &self.given_endpoint {
            // Of R2, where the bucket in a URL is known for one.
            Some(given) if is_r2(&self.endpoint) && given.to_ascii_lowercase().contains(&self.name) && is_named_in(given) => {
                Finding::warning(
                    VARIABLES,
                    format!("{R2_ENDPOINT} names the bucket {}, as the dashboard shows it", self.name),
                    "cfstore takes the bucket out of it; other S3 clients ask for the bucket in the bucket, and find nothing",
                )
                .mend(format!("export {R2_ENDPOINT}={}", self.endpoint))
            }
            _ => Finding::ok(VARIABLES, seen, "all that a request needs is there, and has its form"),
        }
    }
}
