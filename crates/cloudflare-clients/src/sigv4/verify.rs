//! Verification of a request's signature.

use std::time::{Duration, SystemTime};

use subtle::ConstantTimeEq;

use super::{Credentials, ParsedAuth, SignatureMismatch, SigningKey, VerifyError, string_to_sign};

/// The maximum difference between the server's time and that of a request signed with headers.
const MAX_SKEW: Duration = Duration::from_secs(15 * 60);

impl ParsedAuth {
    /// Checks the time and then, in constant time, the signature.
    ///
    /// # Errors
    /// Those of R2: [`Unauthorized`](VerifyError::Unauthorized) for other credentials,
    /// [`Expired`](VerifyError::Expired), [`TimeTooSkewed`](VerifyError::TimeTooSkewed) or
    /// [`SignatureDoesNotMatch`](VerifyError::SignatureDoesNotMatch).
    pub fn verify(&self, credentials: &Credentials, now: SystemTime) -> Result<(), VerifyError> {
        if self.access_key_id() != credentials.access_key_id() {
            return Err(VerifyError::Unauthorized);
        }
        match self.expires_in() {
            None if difference(now, self.signed_at()) > MAX_SKEW => return Err(VerifyError::TimeTooSkewed),
            Some(expires_in) if now > self.signed_at() + expires_in => return Err(VerifyError::Expired),
            _ => {}
        }
        let expected_token = credentials.session_token().unwrap_or_default();
        let token = self.session_token().unwrap_or_default();
        if !bool::from(token.as_bytes().ct_eq(expected_token.as_bytes())) {
            return Err(VerifyError::Unauthorized);
        }

        let string_to_sign = string_to_sign(&self.timestamp, self.scope(), &self.canonical_request);
        let signature =
            SigningKey::derive(credentials.secret_access_key(), self.scope()).sign(&string_to_sign);
        if bool::from(signature.as_bytes().ct_eq(self.signature.as_bytes())) {
            return Ok(());
        }
        Err(VerifyError::SignatureDoesNotMatch(Box::new(SignatureMismatch {
            string_to_sign,
            canonical_request: self.canonical_request.clone(),
            signature_provided: self.signature.clone(),
        })))
    }
}

fn difference(a: SystemTime, b: SystemTime) -> Duration {
    a.duration_since(b).unwrap_or_else(|error| error.duration())
}

#[cfg(test)]
mod tests;
