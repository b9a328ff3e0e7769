use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{SERVICE, Scope, TERMINATOR};

/// The key of one [`Scope`], derived from a secret access key. Wiped from memory on drop.
#[derive(Clone)]
pub struct SigningKey(Zeroizing<[u8; 32]>);

impl SigningKey {
    /// [Step 4](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#calculate-signature):
    /// four HMACs, so worth keeping for the day.
    pub fn derive(secret_access_key: &str, scope: Scope<'_>) -> Self {
        let secret = Zeroizing::new(["AWS4", secret_access_key].concat());
        let date_key = hmac(secret.as_bytes(), scope.date);
        let region_key = hmac(&*date_key, scope.region);
        let service_key = hmac(&*region_key, SERVICE);
        Self(hmac(&*service_key, TERMINATOR))
    }

    /// The signature, 64 lower-case hex digits.
    pub fn sign(&self, string_to_sign: &str) -> String {
        hex::encode(*hmac(&*self.0, string_to_sign))
    }

    #[cfg(test)]
    pub(crate) fn to_hex(&self) -> String {
        hex::encode(*self.0)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").finish_non_exhaustive()
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn hmac(key: &[u8], message: &str) -> Zeroizing<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(message.as_bytes());
    Zeroizing::new(mac.finalize().into_bytes().into())
}
