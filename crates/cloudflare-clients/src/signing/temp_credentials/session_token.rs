//! Verification of session tokens by a server.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::Mac as _;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::claims::{Claims, PREFIX, mac, secret_of};
use super::s3_action::S3Action;
use crate::model::r2::normalize_key;
use crate::signing::endpoint::{host_and_port, is_loopback};
use crate::sigv4::Credentials;

/// How far ahead of the server's clock a token may be issued, in seconds.
const MAX_SKEW: u64 = 15 * 60;
/// The maximum lifetime: 7 days, in seconds.
const LONGEST: u64 = 604_800;

/// A verified session token of
/// [temporary credentials](https://developers.cloudflare.com/r2/api/s3/temporary-credentials/), and what it
/// allows.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use cloudflare_clients::r2::{R2SigningClient, R2SigningConfig, TempCredentials};
/// use cloudflare_clients::s3::session_token::{S3Action, SessionToken};
/// use cloudflare_clients::sigv4::Credentials;
///
/// let account = "0123456789abcdef0123456789abcdef";
/// let (id, secret) = ("fedcba9876543210fedcba9876543210", "the-secret");
/// let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
/// let parent = R2SigningClient::new(R2SigningConfig::new(account, id, secret, "media"))?.at(now);
/// let temporary = TempCredentials::for_bucket("media").prefix("data/").mint(&parent)?;
///
/// let host = "media.0123456789abcdef0123456789abcdef.r2.cloudflarestorage.com";
/// let parent = Credentials::new(id, secret);
/// let token = SessionToken::verify(temporary.session_token(), &parent, account, host, now)?;
/// assert!(token.allows_action(S3Action::GetObject) && !token.allows_action(S3Action::PutObject));
/// assert!(token.allows_key("data/a") && !token.allows_key("a"));
/// assert!(token.credentials() == &temporary.signing());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct SessionToken {
    claims: Claims,
    credentials: Credentials,
}

/// Why a session token is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSessionToken {
    /// The token is not base64 of `jwt/` and a JWT with R2's claims.
    #[error("the session token is malformed")]
    Malformed,
    /// The token is not signed with HS256.
    #[error("the session token is not signed with HS256")]
    Algorithm,
    /// The token was signed with another secret, or modified.
    #[error("the signature of the session token does not match")]
    Signature,
    /// The token was created from another key than the request's.
    #[error("the session token belongs to another key")]
    Issuer,
    /// The token belongs to another account.
    #[error("the session token belongs to another account")]
    Subject,
    /// The token is for another endpoint.
    #[error("the session token is for another endpoint")]
    Audience,
    /// The token has expired.
    #[error("the session token has expired")]
    Expired,
    /// The token starts in the future.
    #[error("the session token starts in the future")]
    NotYet,
    /// The token's lifetime is not 1 second to 7 days.
    #[error("the session token has a lifetime that is not 1 second to 7 days")]
    Lifetime,
    /// The token has neither a scope nor actions.
    #[error("the session token has neither a scope nor actions")]
    NothingAllowed,
}

/// The first part of a JWT.
#[derive(Deserialize)]
struct Header {
    alg: String,
    /// Extensions that the verifier must understand. None is supported.
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

impl SessionToken {
    /// Verifies the token of a request: first its signature, in constant time, then the parent key, the
    /// account, the endpoint and the time. `host` is the request's host, with or without the bucket name. The
    /// token may omit the port, and all names of the loopback interface are equal.
    ///
    /// This does not check whether the token allows the request, nor the request's signature with
    /// [`credentials`](Self::credentials).
    ///
    /// # Errors
    /// The token is invalid.
    pub fn verify(
        token: &str,
        parent: &Credentials,
        account_id: &str,
        host: &str,
        now: SystemTime,
    ) -> Result<Self, InvalidSessionToken> {
        let jwt = STANDARD.decode(token).map_err(|_| InvalidSessionToken::Malformed)?;
        let jwt = Zeroizing::new(jwt);
        let jwt = std::str::from_utf8(&jwt).ok().and_then(|text| text.strip_prefix(PREFIX));
        let jwt = jwt.ok_or(InvalidSessionToken::Malformed)?;
        let claims = read(jwt, parent.secret_access_key())?;
        check(&claims, parent.access_key_id(), account_id, host, now)?;
        let credentials =
            Credentials::new(parent.access_key_id(), secret_of(jwt).as_str()).with_session_token(token);
        Ok(Self { claims, credentials })
    }

    /// The credentials that requests with the token are signed with.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The only bucket that the token allows.
    pub fn bucket(&self) -> &str {
        &self.claims.bucket
    }

    /// When the token expires.
    pub fn expires_at(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.claims.exp)
    }

    /// Whether the token allows an action, for some objects of the bucket.
    pub fn allows_action(&self, action: S3Action) -> bool {
        let Claims { scope, actions, .. } = &self.claims;
        scope.is_none_or(|scope| scope.allows(action))
            && actions.as_ref().is_none_or(|actions| actions.contains(&action))
    }

    /// Whether the token allows reading the bucket's configuration or, with `write`, changing it. This needs
    /// an admin scope without actions and paths: no action is about the configuration, and the configuration
    /// affects objects outside the paths.
    pub fn allows_administration(&self, write: bool) -> bool {
        let Claims { scope, actions, paths, .. } = &self.claims;
        scope.is_some_and(|scope| scope.is_admin() && (scope.can_write() || !write))
            && actions.is_none()
            && paths.is_none()
    }

    /// Whether the token allows the object with this key. Keys are compared in
    /// [R2's normal form](normalize_key).
    pub fn allows_key(&self, key: &str) -> bool {
        let Some(paths) = &self.claims.paths else { return true };
        let key = normalize_key(key);
        paths.object_paths.iter().any(|path| normalize_key(path) == key) || self.allows_listing(&key)
    }

    /// Whether the token allows all objects with this prefix.
    pub fn allows_listing(&self, prefix: &str) -> bool {
        let Some(paths) = &self.claims.paths else { return true };
        let prefix = normalize_key(prefix);
        paths.prefix_paths.iter().any(|path| prefix.starts_with(&*normalize_key(path)))
    }
}

/// Reads the claims of a JWT after checking its signature.
fn read(jwt: &str, secret_access_key: &str) -> Result<Claims, InvalidSessionToken> {
    let malformed = InvalidSessionToken::Malformed;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed);
    let (signed, signature) = jwt.rsplit_once('.').ok_or(malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(malformed)?;
    mac(secret_access_key, signed)
        .verify_slice(&decode(signature)?)
        .map_err(|_| InvalidSessionToken::Signature)?;
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| malformed)?;
    if header.alg != "HS256" || header.crit.is_some() {
        return Err(InvalidSessionToken::Algorithm);
    }
    serde_json::from_slice(&decode(claims)?).map_err(|_| malformed)
}

fn check(
    claims: &Claims,
    access_key_id: &str,
    account_id: &str,
    host: &str,
    now: SystemTime,
) -> Result<(), InvalidSessionToken> {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let faults = [
        (claims.iss != access_key_id, InvalidSessionToken::Issuer),
        (claims.sub != account_id, InvalidSessionToken::Subject),
        (!is_audience(claims, host), InvalidSessionToken::Audience),
        (claims.exp <= now, InvalidSessionToken::Expired),
        (claims.iat > now.saturating_add(MAX_SKEW), InvalidSessionToken::NotYet),
        (!(1..=LONGEST).contains(&claims.exp.saturating_sub(claims.iat)), InvalidSessionToken::Lifetime),
        (claims.scope.is_none() && claims.actions.is_none(), InvalidSessionToken::NothingAllowed),
    ];
    match faults.into_iter().find(|(is_so, _)| *is_so) {
        Some((_, fault)) => Err(fault),
        None => Ok(()),
    }
}

fn is_audience(claims: &Claims, host: &str) -> bool {
    let without_bucket = host.strip_prefix(&claims.bucket).and_then(|host| host.strip_prefix('.'));
    std::iter::once(host).chain(without_bucket).any(|host| is_host(&claims.aud, host))
}

/// Whether `given` names `host`, which may have a port.
fn is_host(given: &str, host: &str) -> bool {
    let (given_name, given_port) = host_and_port(given);
    let (name, port) = host_and_port(host);
    let is_same_name = given_name.eq_ignore_ascii_case(name) || is_loopback(given_name) && is_loopback(name);
    is_same_name && (given_port.is_none() || given_port == port)
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionToken")
            .field("bucket", &self.claims.bucket)
            .field("scope", &self.claims.scope)
            .field("actions", &self.claims.actions)
            .field("paths", &self.claims.paths)
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
