//! The secret that a session is found by.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::runtime::Runtime;

const SECRET: usize = 16;
const HASH: usize = 32;
/// Between the secret and the user's hash, in URL-safe Base64 both: no character of it.
const SEPARATOR: char = '.';

/// The token of a session: 128 random bits, and the SHA-256 of the user's id by which one request reads all
/// that is stored of the session. Together they are 66 characters of URL-safe Base64 and a dot. Whoever has
/// it has the session.
///
/// It has no `Display`, and `Debug` hides it.
#[derive(Clone)]
pub struct SessionToken(Zeroizing<String>);

/// What a user is called in keys and tokens.
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

    /// The token that a client sent. So are the 22 characters of earlier versions, without a user.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): it is not one that this library made, so there is no such session.
    pub fn parse(text: &str) -> Result<Self> {
        let (secret, user) = match text.split_once(SEPARATOR) {
            Some((secret, user)) => (secret, Some(user)),
            None => (text, None),
        };
        if is_base64_of::<SECRET>(secret) && user.is_none_or(is_base64_of::<HASH>) {
            return Ok(Self(Zeroizing::new(text.to_owned())));
        }
        Err(Error::invalid_input(format!(
            "what was given is no session token: it has {} bytes, and a token is 22 and 43 characters of URL-safe Base64 with a \
             dot between them",
            text.len()
        )))
    }

    /// The token, for the cookie or header that the client gets.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whose session it is. All of the token is hashed, so that no session is found by one with another user.
    pub(super) fn user(&self) -> Option<UserHash> {
        let (_, user) = self.0.split_once(SEPARATOR)?;
        let mut hash = [0; HASH];
        let length = URL_SAFE_NO_PAD.decode_slice(user, &mut hash).ok()?;
        (length == HASH).then_some(UserHash(hash))
    }

    /// What is stored in place of it. So many random bits need no salt and no slow hash.
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
            // The same bytes written otherwise: the last character has bits that mean nothing.
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
