//! What temporary credentials are to allow.

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

/// The longest lifetime that R2 gives, 7 days in seconds.
const LONGEST: u64 = 604_800;
/// The lifetime where none is given, as in Cloudflare's API.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// What temporary credentials are to allow: of one bucket. It is checked when they are made.
///
/// Without more, they read and list all objects of the bucket for 15 minutes. See
/// [`TempCredentials::for_bucket`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "it does nothing until credentials are made of it"]
pub struct TempCredentialsRequest {
    bucket: String,
    scope: AccessScope,
    actions: Option<Vec<S3Action>>,
    prefixes: Vec<String>,
    objects: Vec<String>,
    lifetime: Duration,
}

impl TempCredentials {
    /// What credentials of a bucket are to allow: [`mint`](TempCredentialsRequest::mint) makes them.
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

    /// How much they allow, and never more than their parent: [`AccessScope::ObjectReadOnly`] by default.
    pub fn scope(mut self, scope: AccessScope) -> Self {
        self.scope = scope;
        self
    }

    /// Allows these operations only, each of which the scope has to allow. By default all are allowed that
    /// the scope allows. Cloudflare's API has no actions: this is for [`mint`](Self::mint) only.
    pub fn actions(mut self, actions: impl IntoIterator<Item = S3Action>) -> Self {
        self.actions.get_or_insert_default().extend(actions);
        self
    }

    /// Allows the objects whose keys begin so, such as `creator-123/`, and listings below it. It may be
    /// called for several. Without prefixes and [objects](Self::object) all of the bucket is allowed.
    ///
    /// It ends with a slash: `creator-1` would allow what is in `creator-12/`, too.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefixes.push(prefix.into());
        self
    }

    /// Allows the object with this key. It may be called for several. Nothing can be listed by that.
    pub fn object(mut self, key: impl Into<String>) -> Self {
        self.objects.push(key.into());
        self
    }

    /// How long they work: 15 minutes by default, from 1 second to 7 days in whole seconds. Whatever is
    /// signed with them stops working by then, presigned URLs included.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Makes the credentials from those of `parent`, by computation alone: nothing is sent. They begin at the
    /// [time](R2SigningClient::at) of `parent`, are for its endpoint, and stop working with its key. The
    /// bucket may be another than its own.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) says what cannot be allowed, or that `parent` cannot be
    /// one: its credentials are temporary themselves, or its account is not known.
    pub fn mint(&self, parent: &R2SigningClient) -> Result<TempCredentials> {
        self.validate()?;
        let credentials = parent.signer().credentials();
        if credentials.session_token().is_some() {
            return Err(Error::invalid_input(
                "temporary credentials cannot make others: use the permanent key that they came from",
            ));
        }
        let account_id = parent.account_id().ok_or_else(|| {
            Error::invalid_input(
                "temporary credentials name the account, which this endpoint does not: give its id with \
                 `R2SigningConfig::account_id`, or as R2_ACCOUNT_ID",
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
                "Cloudflare's API makes no temporary credentials for single actions: leave the actions out, or make them \
                 with `TempCredentialsRequest::mint`",
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

    /// The bucket that they are for.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// When those expire that are made now: a whole second.
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
                "temporary credentials cannot live {:?}: give whole seconds, from 1 to 604,800 (7 days)",
                self.lifetime
            )));
        }
        self.validate_actions()?;
        for prefix in &self.prefixes {
            if prefix.is_empty() {
                return Err(Error::invalid_input(
                    "an empty prefix would allow the whole bucket: name a folder such as creator-123/, or leave the prefix \
                     out to allow all of it",
                ));
            }
            if !prefix.ends_with('/') {
                return Err(Error::invalid_input(format!(
                    "the prefix {prefix:?} does not end with a slash, so that it would allow all keys that go on in any way: \
                     write it as {:?}, or allow the single object",
                    format!("{}/", prefix.trim_end_matches(['*', '/']))
                )));
            }
            validate_key(prefix)?;
        }
        for key in &self.objects {
            if key.is_empty() {
                return Err(Error::invalid_input(
                    "an object to be allowed has an empty key: name it, or leave it out",
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
                "an empty list of actions allows nothing: name some, or leave the list out to allow all that the scope does",
            ));
        }
        match actions.iter().find(|action| !self.scope.allows(**action)) {
            Some(action) => Err(Error::invalid_input(format!(
                "the scope {} does not allow the action {action}: leave it out, or take {}",
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

/// [The
/// body](https://developers.cloudflare.com/api/resources/r2/subresources/temporary_credentials/methods/create/).
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
