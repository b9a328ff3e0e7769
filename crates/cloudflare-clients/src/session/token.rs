//! The secret that a session is found by.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::runtime::Runtime;

const BYTES: usize = 16;

/// The token of a session: 128 random bits as 22 characters of URL-safe Base64. Whoever has it has the session.
///
/// It has no `Display`, and `Debug` hides it.
#[derive(Clone)]
pub struct SessionToken(Zeroizing<String>);

impl SessionToken {
    pub(super) fn random(runtime: &dyn Runtime) -> Result<Self> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        runtime.fill_random(&mut *bytes)?;
        Ok(Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes))))
    }

    /// The token that a client sent.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): it is not one that this library made, so there is no such session.
    pub fn parse(text: &str) -> Result<Self> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        match URL_SAFE_NO_PAD.decode_slice(text, &mut *bytes) {
            Ok(BYTES) => Ok(Self(Zeroizing::new(text.to_owned()))),
            _ => Err(Error::invalid_input(format!(
                "what was given is no session token: it has {} bytes, and a token is 22 characters of URL-safe Base64",
                text.len()
            ))),
        }
    }

    /// The token, for the cookie or header that the client gets.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is stored in place of it. So many random bits need no salt and no slow hash.
    pub(super) fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_bytes()))
    }
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
        let token = SessionToken::random(&TokioRuntime).unwrap();
        assert_eq!(token.as_str().len(), 22);
        assert_eq!(SessionToken::parse(token.as_str()).unwrap().hash(), token.hash());
        assert_ne!(SessionToken::random(&TokioRuntime).unwrap().hash(), token.hash());
        assert!(!format!("{token:?}").contains(token.as_str()));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let good = "AAAAAAAAAAAAAAAAAAAAAA";
        SessionToken::parse(good).unwrap();
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
        ];
        for text in bad {
            let error = SessionToken::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(text.len() < 2 || !error.to_string().contains(text), "{error}");
        }
    }
}
