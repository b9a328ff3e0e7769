//! The secret token of a session.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::runtime::Runtime;

const SECRET: usize = 16;
const HASH: usize = 32;
/// Separates the secret from the user's hash. It is not a character of URL-safe Base64.
const SEPARATOR: char = '.';

/// The token of a session: 128 random bits, and the SHA-256 of the user id, with which a single request reads
/// everything stored of the session. Together they are 66 characters: URL-safe Base64 and a dot. Anyone who
/// has the token has the session.
///
/// It has no `Display`, and `Debug` hides it.
#[derive(Clone)]
pub struct SessionToken(Zeroizing<String>);

/// The SHA-256 of a user id, used in keys and tokens.
pub(super) struct UserHash([u8; HASH]);

impl UserHash {
    pub(super) fn of(user: &str) -> Self {
        Self(Sha256::digest(user).into())
    }

    pub(super) fn to_hex(&self) -> String {
        hex::encode(self.0)
    }
}

impl SessionToken {
    pub(super) fn random(runtime: &dyn Runtime, UserHash(user): UserHash) -> Result<Self> {
        let mut secret = Zeroizing::new([0; SECRET]);
        runtime.fill_random(&mut *secret)?;
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(*secret));
        Ok(Self(Zeroizing::new(format!("{}{SEPARATOR}{}", secret.as_str(), URL_SAFE_NO_PAD.encode(user)))))
    }

    /// Parses the token that a client sent. Also accepts the tokens of earlier versions: 22 characters
    /// without a user.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the text is not a token of this library, so no such
    /// session exists.
    pub fn parse(text: &str) -> Result<Self> {
        let (secret, user) = match text.split_once(SEPARATOR) {
            Some((secret, user)) => (secret, Some(user)),
            None => (text, None),
        };
        if is_base64_of::<SECRET>(secret) && user.is_none_or(is_base64_of::<HASH>) {
            return Ok(Self(Zeroizing::new(text.to_owned())));
        }
        Err(Error::invalid_input(format!(
            "the text is not a session token: it has {} bytes, but a token is 22 and 43 characters of URL-safe Base64 with a \
             dot between them",
            text.len()
        )))
    }

    /// Returns the token as text, for the cookie or header that the client receives.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the hash of the user. The whole token is hashed for the lookup, so changing the user does not
    /// find a session.
    pub(super) fn user(&self) -> Option<UserHash> {
        let (_, user) = self.0.split_once(SEPARATOR)?;
        let mut hash = [0; HASH];
        let length = URL_SAFE_NO_PAD.decode_slice(user, &mut hash).ok()?;
        (length == HASH).then_some(UserHash(hash))
    }

    /// Returns the hash that is stored instead of the token. 128 random bits need neither a salt nor a slow
    /// hash.
    pub(super) fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_bytes()))
    }
}

fn is_base64_of<const BYTES: usize>(text: &str) -> bool {
    let mut bytes = Zeroizing::new([0; BYTES]);
    URL_SAFE_NO_PAD.decode_slice(text, &mut *bytes) == Ok(BYTES)
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionToken").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, TokioRuntime};

    #[test]
    fn tokens_are_parsed_as_they_were_made_and_hide_themselves() {
        let random = || SessionToken::random(&TokioRuntime, UserHash::of("u")).unwrap();
        let token = random();
        assert_eq!(token.as_str().len(), 66);
        let parsed = SessionToken::parse(token.as_str()).unwrap();
        assert_eq!(parsed.hash(), token.hash());
        assert_eq!(parsed.user().unwrap().to_hex(), hex::encode(Sha256::digest("u")));
        assert_ne!(random().hash(), token.hash());
        assert!(!format!("{token:?}").contains(token.as_str()));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let good = "AAAAAAAAAAAAAAAAAAAAAA";
        assert!(SessionToken::parse(good).unwrap().user().is_none());
        let with_user = |user: &str| format!("{good}.{user}");
        let user = "A".repeat(43);
        SessionToken::parse(&with_user(&user)).unwrap();
        let long = "A".repeat(10_000);
        let bad = [
            "",
            "A",
            &good[1..],
            "AAAAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAAA==",
            "AAAAAAAAAAAAAAAAAAAA+/",
            "AAAAAAAAAAAAAAAAAAAAA/",
            " AAAAAAAAAAAAAAAAAAAAA",
            "../AAAAAAAAAAAAAAAAAAA",
            "ääääääääääA",
            &long,
            // The same bytes encoded differently: the last character has unused bits.
            "AAAAAAAAAAAAAAAAAAAAAB",
            &with_user(""),
            &with_user(&user[1..]),
            &with_user(&format!("{user}A")),
            &with_user(&format!("{user}.")),
            &with_user(&format!("{}B", &user[1..])),
            &format!("{user}.{good}"),
            &format!("{good}{user}"),
        ];
        for text in bad {
            let error = SessionToken::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(text.len() < 2 || !error.to_string().contains(text), "{error}");
        }
    }
}
