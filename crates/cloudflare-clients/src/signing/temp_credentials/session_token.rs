//! Session tokens as a server reads them.

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

/// How far the clock of who made a token may be ahead.
const MAX_SKEW: u64 = 15 * 60;
/// 7 days in seconds.
const LONGEST: u64 = 604_800;

/// A session token of [temporary
/// credentials](https://developers.cloudflare.com/r2/api/s3/temporary-credentials/) that holds, and what it
/// allows.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use cloudflare_clients::r2::{R2SigningClient, R2SigningConfig, TempCredentials};
/// use cloudflare_clients::s3::session_token::{S3Action, SessionToken};
/// use cloudflare_clients::sigv4::Credentials;
///
/// let (account, id, secret) = ("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210", "the-secret");
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

/// Why a session token does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSessionToken {
    /// It is not base64 of `jwt/` and a JWT with the claims of R2.
    #[error("the session token is malformed")]
    Malformed,
    /// It is signed in another way than HS256.
    #[error("the session token is not signed by HS256")]
    Algorithm,
    /// It was signed with another secret, or changed.
    #[error("the signature of the session token does not match")]
    Signature,
    /// It was made from another key than the request names.
    #[error("the session token is of another key")]
    Issuer,
    /// It is of another account.
    #[error("the session token is of another account")]
    Subject,
    /// It is for another endpoint.
    #[error("the session token is for another endpoint")]
    Audience,
    /// It has expired.
    #[error("the session token has expired")]
    Expired,
    /// It begins later than now.
    #[error("the session token begins in the future")]
    NotYet,
    /// It lives longer than 7 days, or not at all.
    #[error("the session token has a lifetime that is not from 1 second to 7 days")]
    Lifetime,
    /// It says neither a scope nor actions.
    #[error("the session token has neither a scope nor actions")]
    NothingAllowed,
}

/// The first part of a JWT.
#[derive(Deserialize)]
struct Header {
    alg: String,
    /// Extensions that who reads the token has to know: none is known.
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

impl SessionToken {
    /// Verifies a token that came with a request: its signature first, in constant time, then what it says of
    /// the parent key, the account, the endpoint and the time. `host` is that of the request, with the bucket
    /// in front or not; a token may say it without its port, and all names of the loopback interface are one.
    ///
    /// Whether the request is what the token allows is a question of its own, and so is the request's
    /// signature by [`credentials`](Self::credentials).
    ///
    /// # Errors
    /// It does not hold.
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

    /// What requests with the token are signed with.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The one bucket that it is for.
    pub fn bucket(&self) -> &str {
        &self.claims.bucket
    }

    /// When it stops working.
    pub fn expires_at(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.claims.exp)
    }

    /// Whether it allows an action, wherever in the bucket.
    pub fn allows_action(&self, action: S3Action) -> bool {
        let Claims { scope, actions, .. } = &self.claims;
        scope.is_none_or(|scope| scope.allows(action))
            && actions.as_ref().is_none_or(|actions| actions.contains(&action))
    }

    /// Whether it allows to read the configuration of the bucket, and if `write`, to change it. That needs an
    /// admin scope and neither actions, none of which is about configuration, nor paths, outside of which it
    /// has effects.
    pub fn allows_administration(&self, write: bool) -> bool {
        let Claims { scope, actions, paths, .. } = &self.claims;
        scope.is_some_and(|scope| scope.is_admin() && (scope.can_write() || !write))
            && actions.is_none()
            && paths.is_none()
    }

    /// Whether it reaches the object with this key. Keys are compared in the [form](normalize_key) by which
    /// R2 tells them apart.
    pub fn allows_key(&self, key: &str) -> bool {
        let Some(paths) = &self.claims.paths else { return true };
        let key = normalize_key(key);
        paths.object_paths.iter().any(|path| normalize_key(path) == key) || self.allows_listing(&key)
    }

    /// Whether it reaches all objects whose keys have this prefix.
    pub fn allows_listing(&self, prefix: &str) -> bool {
        let Some(paths) = &self.claims.paths else { return true };
        let prefix = normalize_key(prefix);
        paths.prefix_paths.iter().any(|path| prefix.starts_with(&*normalize_key(path)))
    }
}

/// The claims of a JWT whose signature holds.
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
