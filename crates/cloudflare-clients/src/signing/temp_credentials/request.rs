//! Requests for temporary credentials.

use std::time::{Duration, UNIX_EPOCH};

#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
use serde::Serialize;

use super::access_scope::AccessScope;
use super::claims::{Claims, Paths, secret_of, session_token_of};
use super::s3_action::S3Action;
use super::temporary::TempCredentials;
use crate::account::validate_account_id;
use crate::error::{Error, Result};
use crate::model::r2::{validate_bucket_name, validate_key};
use crate::signing::signing_client::R2SigningClient;

/// The maximum lifetime in R2: 7 days, in seconds.
const LONGEST: u64 = 604_800;
/// The default lifetime, as in Cloudflare's API.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// What temporary credentials for one bucket allow. The values are checked when the credentials are created.
///
/// By default, they can read and list all objects of the bucket for 15 minutes. See
/// [`TempCredentials::for_bucket`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "it does nothing until credentials are created from it"]
pub struct TempCredentialsRequest {
    bucket: String,
    scope: AccessScope,
    actions: Option<Vec<S3Action>>,
    prefixes: Vec<String>,
    objects: Vec<String>,
    lifetime: Duration,
}

impl TempCredentials {
    /// Starts a request for credentials of a bucket. [`mint`](TempCredentialsRequest::mint) creates them.
    pub fn for_bucket(bucket: impl Into<String>) -> TempCredentialsRequest {
        TempCredentialsRequest::new(bucket.into())
    }
}

impl TempCredentialsRequest {
    fn new(bucket: String) -> Self {
        Self {
            bucket,
            scope: AccessScope::ObjectReadOnly,
            actions: None,
            prefixes: Vec::new(),
            objects: Vec::new(),
            lifetime: DEFAULT_LIFETIME,
        }
    }

    /// Sets the scope, which never exceeds that of the parent key. [`AccessScope::ObjectReadOnly`] by
    /// default.
    pub fn scope(mut self, scope: AccessScope) -> Self {
        self.scope = scope;
        self
    }

    /// Allows only these actions, all of which the scope must allow. By default, all actions of the scope are
    /// allowed. Cloudflare's API does not support actions: they work with [`mint`](Self::mint) only.
    pub fn actions(mut self, actions: impl IntoIterator<Item = S3Action>) -> Self {
        self.actions.get_or_insert_default().extend(actions);
        self
    }

    /// Allows the objects whose keys start with this prefix, such as `creator-123/`, and listings below it.
    /// Call it repeatedly for several prefixes. Without prefixes and [objects](Self::object), the whole
    /// bucket is allowed.
    ///
    /// A prefix must end with a slash: `creator-1` would also allow the objects in `creator-12/`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefixes.push(prefix.into());
        self
    }

    /// Allows the object with this key, but no listings. Call it repeatedly for several objects.
    pub fn object(mut self, key: impl Into<String>) -> Self {
        self.objects.push(key.into());
        self
    }

    /// Sets how long the credentials are valid: 1 second to 7 days, in whole seconds. 15 minutes by default.
    /// Everything that is signed with them expires with them, including presigned URLs.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Creates the credentials from those of `parent`, without sending anything. They start at the
    /// [time](R2SigningClient::at) of `parent`, are valid for its endpoint, and become invalid with its key.
    /// The bucket may differ from that of `parent`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): a value is not allowed, the parent's credentials are
    /// temporary, or the parent's account id is not known.
    pub fn mint(&self, parent: &R2SigningClient) -> Result<TempCredentials> {
        self.validate()?;
        let credentials = parent.signer().credentials();
        if credentials.session_token().is_some() {
            return Err(Error::invalid_input(
                "temporary credentials cannot create others: use the permanent key that they were created from",
            ));
        }
        let account_id = parent.account_id().ok_or_else(|| {
            Error::invalid_input(
                "temporary credentials contain the account id, which this endpoint does not: set it with \
                 `R2SigningConfig::account_id` or R2_ACCOUNT_ID",
            )
        })?;
        validate_account_id(account_id)?;
        let now = parent.now()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let claims = Claims {
            bucket: self.bucket.clone(),
            scope: Some(self.scope),
            actions: self.actions.clone(),
            paths: self.paths(),
            sub: account_id.to_owned(),
            iss: credentials.access_key_id().to_owned(),
            aud: parent.endpoint().host_for(None)?,
            iat: now,
            exp: now + self.lifetime.as_secs(),
        };
        let jwt = claims.sign(credentials.secret_access_key())?;
        Ok(TempCredentials::new(
            credentials.access_key_id().to_owned(),
            secret_of(&jwt),
            session_token_of(&jwt),
            UNIX_EPOCH + Duration::from_secs(claims.exp),
            self.bucket.clone(),
            parent.endpoint().clone(),
            parent.signer().region().to_owned(),
        ))
    }

    /// The body of a request to Cloudflare's API.
    #[cfg(all(feature = "http", not(target_arch = "wasm32")))]
    pub(crate) fn api_body(&self, parent_access_key_id: &str) -> Result<impl Serialize> {
        self.validate()?;
        if self.actions.is_some() {
            return Err(Error::unsupported(
                "Cloudflare's API cannot restrict temporary credentials to actions: omit the actions, or create the \
                 credentials with `TempCredentialsRequest::mint`",
            ));
        }
        Ok(ApiBody {
            bucket: self.bucket.clone(),
            parent_access_key_id: parent_access_key_id.to_owned(),
            permission: self.scope,
            ttl_seconds: self.lifetime.as_secs(),
            prefixes: self.prefixes.clone(),
            objects: self.objects.clone(),
        })
    }

    /// The bucket of the credentials.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// When credentials that are created now expire, in whole seconds.
    #[cfg(all(feature = "http", not(target_arch = "wasm32")))]
    pub(crate) fn expires_at(&self, now: std::time::SystemTime) -> std::time::SystemTime {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        UNIX_EPOCH + Duration::from_secs(now) + self.lifetime
    }

    fn paths(&self) -> Option<Paths> {
        let any = !self.prefixes.is_empty() || !self.objects.is_empty();
        any.then(|| Paths { prefix_paths: self.prefixes.clone(), object_paths: self.objects.clone() })
    }

    fn validate(&self) -> Result<()> {
        validate_bucket_name(&self.bucket)?;
        if self.lifetime.subsec_nanos() != 0 || !(1..=LONGEST).contains(&self.lifetime.as_secs()) {
            return Err(Error::invalid_input(format!(
                "temporary credentials cannot be valid for {:?}: use 1 to 604,800 whole seconds (7 days)",
                self.lifetime
            )));
        }
        self.validate_actions()?;
        for prefix in &self.prefixes {
            if prefix.is_empty() {
                return Err(Error::invalid_input(
                    "an empty prefix would allow the whole bucket: use a folder such as creator-123/, or omit the prefix to \
                     allow the whole bucket",
                ));
            }
            if !prefix.ends_with('/') {
                return Err(Error::invalid_input(format!(
                    "the prefix {prefix:?} does not end with a slash, so it would allow all keys that start with it: \
                     use {:?}, or allow a single object",
                    format!("{}/", prefix.trim_end_matches(['*', '/']))
                )));
            }
            validate_key(prefix)?;
        }
        for key in &self.objects {
            if key.is_empty() {
                return Err(Error::invalid_input(
                    "the key of an allowed object is empty: set it, or omit the object",
                ));
            }
            validate_key(key)?;
        }
        Ok(())
    }

    fn validate_actions(&self) -> Result<()> {
        let Some(actions) = &self.actions else { return Ok(()) };
        if actions.is_empty() {
            return Err(Error::invalid_input(
                "an empty list of actions allows nothing: add some, or omit the list to allow all actions of the scope",
            ));
        }
        match actions.iter().find(|action| !self.scope.allows(**action)) {
            Some(action) => Err(Error::invalid_input(format!(
                "the scope {} does not allow the action {action}: omit it, or use the scope {}",
                self.scope,
                if self.scope.is_admin() {
                    AccessScope::AdminReadWrite
                } else {
                    AccessScope::ObjectReadWrite
                }
            ))),
            None => Ok(()),
        }
    }
}

/// The
/// [request body](https://developers.cloudflare.com/api/resources/r2/subresources/temporary_credentials/methods/create/).
#[cfg(all(feature = "http", not(target_arch = "wasm32")))]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApiBody {
    bucket: String,
    parent_access_key_id: String,
    permission: AccessScope,
    ttl_seconds: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    prefixes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    objects: Vec<String>,
}

#[cfg(test)]
mod tests;
