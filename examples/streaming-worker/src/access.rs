//! Authentication and permissions.
//!
//! A platform with its own sign-in implements [`Access`]; nothing else changes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::keys::{CreatorId, MediaKey, SHARED};

/// Identifies the caller by the `Authorization` header of a request.
pub trait Access: Send + Sync {
    fn authenticate(&self, authorization: Option<&str>, now: SystemTime) -> Result<Subject, Unauthenticated>;
}

/// The header is missing or invalid, or has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unauthenticated;

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject(CreatorId);

impl Subject {
    pub fn id(&self) -> &str {
        self.0.as_str()
    }

    pub fn owns(&self, key: &MediaKey) -> bool {
        key.owner() == Some(&self.0)
    }

    pub fn may_read(&self, key: &MediaKey) -> bool {
        self.owns(key) || key.owner().is_none()
    }

    /// Returns whether the subject may read everything below the prefix.
    pub fn may_list(&self, prefix: &str) -> bool {
        prefix.starts_with(SHARED) || prefix.strip_prefix(self.id()).is_some_and(|rest| rest.starts_with('/'))
    }
}

impl From<CreatorId> for Subject {
    fn from(id: CreatorId) -> Self {
        Self(id)
    }
}

/// Tokens that name a subject and expire, signed with HMAC-SHA-256: `Authorization: Bearer
/// {payload}.{signature}`, both in base64url. The payload is `{seconds since 1970}.{subject}`.
pub struct Tokens {
    key: Hmac<Sha256>,
}

/// Separates these signatures from others made with the same secret.
const PURPOSE: &[u8] = b"streaming-worker token\n";

/// Minimum length of the secret, in bytes.
pub const MIN_SECRET: usize = 32;

impl Tokens {
    /// Returns `None` if the secret is shorter than [`MIN_SECRET`] bytes.
    pub fn new(secret: &str) -> Option<Self> {
        let secret = secret.trim().as_bytes();
        let key = Hmac::<Sha256>::new_from_slice(secret).ok()?;
        (secret.len() >= MIN_SECRET).then_some(Self { key })
    }

    pub fn mint(&self, subject: &Subject, expires: SystemTime) -> String {
        let seconds = expires.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let payload = format!("{seconds}.{}", subject.id());
        let signature = self.signature(payload.as_bytes()).finalize().into_bytes();
        format!("{}.{}", BASE64.encode(payload), BASE64.encode(signature))
    }

    fn signature(&self, payload: &[u8]) -> Hmac<Sha256> {
        let mut signature = self.key.clone();
        signature.update(PURPOSE);
        signature.update(payload);
        signature
    }

    fn verify(&self, token: &str, now: SystemTime) -> Option<Subject> {
        let (payload, signature) = token.split_once('.')?;
        let payload = BASE64.decode(payload).ok()?;
        // Compares in constant time.
        self.signature(&payload).verify_slice(&BASE64.decode(signature).ok()?).ok()?;
        let payload = String::from_utf8(payload).ok()?;
        let (seconds, subject) = payload.split_once('.')?;
        let expires = UNIX_EPOCH.checked_add(Duration::from_secs(seconds.parse().ok()?))?;
        (now < expires).then(|| CreatorId::new(subject).ok().map(Subject))?
    }
}

impl Access for Tokens {
    fn authenticate(&self, authorization: Option<&str>, now: SystemTime) -> Result<Subject, Unauthenticated> {
        let (scheme, token) = authorization.and_then(|value| value.split_once(' ')).ok_or(Unauthenticated)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Unauthenticated);
        }
        self.verify(token.trim(), now).ok_or(Unauthenticated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = UNIX_EPOCH;

    fn tokens() -> Tokens {
        Tokens::new("0123456789abcdef0123456789abcdef").unwrap()
    }

    fn subject(id: &str) -> Subject {
        CreatorId::new(id).unwrap().into()
    }

    #[test]
    fn a_token_names_its_subject_until_it_expires() {
        let expires = NOW + Duration::from_secs(60);
        let header = format!("bearer {}", tokens().mint(&subject("creator.123"), expires));
        let authenticate = |now| tokens().authenticate(Some(&header), now);
        assert_eq!(authenticate(NOW), Ok(subject("creator.123")));
        assert_eq!(authenticate(expires - Duration::from_secs(1)), Ok(subject("creator.123")));
        assert_eq!(authenticate(expires), Err(Unauthenticated));
    }

    #[test]
    fn invalid_tokens_are_refused() {
        let good = tokens().mint(&subject("a"), NOW + Duration::from_secs(60));
        let (payload, signature) = good.split_once('.').unwrap();
        let other = Tokens::new("another secret of thirty-two bytes").unwrap();
        let forged = BASE64.encode("9999999999.b");
        for header in [
            String::new(),
            good.clone(),
            format!("Basic {good}"),
            format!("Bearer {payload}"),
            format!("Bearer {payload}."),
            format!("Bearer {forged}.{signature}"),
            format!("Bearer {good}x"),
            format!("Bearer {}", other.mint(&subject("a"), NOW + Duration::from_secs(60))),
        ] {
            assert_eq!(tokens().authenticate(Some(&header), NOW), Err(Unauthenticated), "{header}");
        }
        assert_eq!(tokens().authenticate(None, NOW), Err(Unauthenticated));
        assert!(Tokens::new("short").is_none());
    }

    #[test]
    fn subjects_stay_in_their_folder() {
        let me = subject("me");
        let key = |key| MediaKey::parse(key).unwrap();
        assert!(me.owns(&key("me/videos/a")) && me.may_read(&key("me/videos/a")));
        assert!(!me.owns(&key("meme/videos/a")) && !me.may_read(&key("meme/videos/a")));
        assert!(
            !me.owns(&key("public/shared-resources/a")) && me.may_read(&key("public/shared-resources/a"))
        );
        assert!(me.may_list("me/") && me.may_list("me/hls/x") && me.may_list(SHARED));
        for prefix in ["", "m", "me", "meme/", "public/", "other/"] {
            assert!(!me.may_list(prefix), "{prefix:?}");
        }
    }
}
