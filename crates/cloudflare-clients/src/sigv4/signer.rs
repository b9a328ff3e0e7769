use std::fmt;
use std::sync::RwLock;

use http::Method;

use super::{Credentials, Scope, SigningKey, Timestamp, string_to_sign};
use crate::sync;

/// The method and URL of a request, as they are sent.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct RequestTarget<'a> {
    /// The method, such as GET.
    pub method: &'a Method,
    /// The `Host` header, with the port unless it is the scheme's default.
    pub host: &'a str,
    /// The path exactly as it is sent: percent-encoded once (see [`encode_path`](super::encode_path)).
    pub path: &'a str,
    /// The canonical query without `?` (see [`canonical_query`](super::canonical_query)), or empty.
    pub query: &'a str,
}

impl<'a> RequestTarget<'a> {
    /// Creates a target without a query.
    pub fn new(method: &'a Method, host: &'a str, path: &'a str) -> Self {
        Self { method, host, path, query: "" }
    }

    /// Sets the canonical query, without `?` (see [`canonical_query`](super::canonical_query)).
    #[must_use]
    pub fn query(mut self, query: &'a str) -> Self {
        self.query = query;
        self
    }
}

/// Signs requests and URLs with one set of credentials. Create one and share it: it caches the signing key of
/// the day.
pub struct Signer {
    credentials: Credentials,
    region: String,
    /// The last derived key, and the date of its scope.
    key: RwLock<Option<(String, SigningKey)>>,
}

impl Signer {
    /// Creates a signer for the region `auto`, which is R2's.
    pub fn new(credentials: Credentials) -> Self {
        Self { credentials, region: "auto".to_owned(), key: RwLock::new(None) }
    }

    /// Sets the region, for other S3 services.
    #[must_use]
    pub fn with_region(self, region: impl Into<String>) -> Self {
        Self { region: region.into(), ..Self::new(self.credentials) }
    }

    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// The credentials of the signer.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Whether both signers create the same signatures.
    pub(crate) fn signs_like(&self, other: &Self) -> bool {
        self.region == other.region && self.credentials == other.credentials
    }

    /// The scope of signatures at this time.
    pub fn scope<'a>(&'a self, timestamp: &'a Timestamp) -> Scope<'a> {
        Scope::new(timestamp.date(), &self.region)
    }

    /// Signs a canonical request at this time. Returns 64 lower-case hex digits.
    pub fn signature(&self, timestamp: &Timestamp, canonical_request: &str) -> String {
        let string_to_sign = string_to_sign(timestamp, self.scope(timestamp), canonical_request);
        self.key(timestamp).sign(&string_to_sign)
    }

    /// The signing key of the day.
    pub(super) fn key(&self, timestamp: &Timestamp) -> SigningKey {
        let scope = self.scope(timestamp);
        {
            let kept = sync::read(&self.key);
            if let Some((date, key)) = &*kept
                && date == scope.date
            {
                return key.clone();
            }
        }
        let key = SigningKey::derive(self.credentials.secret_access_key(), scope);
        *sync::write(&self.key) = Some((scope.date.to_owned(), key.clone()));
        key
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("credentials", &self.credentials)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kept_key_is_for_one_day_only() {
        let signer = || Signer::new(Credentials::new("id", "secret"));
        let kept = signer();
        for text in ["20270115T080000Z", "20270116T080000Z", "20270115T080000Z", "20270115T080000Z"] {
            let timestamp = Timestamp::parse(text).unwrap();
            let fresh = signer().signature(&timestamp, "request");
            assert_eq!(kept.signature(&timestamp, "request"), fresh, "{text}");
        }
    }
}
