use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use super::sha256::State;
use super::{SERVICE, Scope, TERMINATOR};

/// The key of one [`Scope`], derived from a secret access key. It is wiped from memory on drop.
#[derive(Clone)]
pub struct SigningKey {
    /// The state of HMAC's inner hash after the key.
    pub(super) inner: State,
    /// The state of HMAC's outer hash after the key.
    pub(super) outer: State,
}

impl SigningKey {
    /// [Step 4](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#calculate-signature):
    /// derives the key. It takes four HMACs, so keep it for the day.
    pub fn derive(secret_access_key: &str, scope: Scope<'_>) -> Self {
        let key = derive(secret_access_key, scope);
        let after_key = |pad| {
            let mut block = Zeroizing::new([pad; 64]);
            block.iter_mut().zip(&*key).for_each(|(pad, key)| *pad ^= key);
            State::INITIAL.after(&[*block])
        };
        Self { inner: after_key(0x36), outer: after_key(0x5c) }
    }

    /// Signs a string. Returns 64 lower-case hex digits.
    pub fn sign(&self, string_to_sign: &str) -> String {
        let inner = self.inner.finish(64, string_to_sign.as_bytes());
        self.outer.finish(64, &inner.to_bytes()).to_hex().map(char::from).iter().collect()
    }
}

impl Drop for SigningKey {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").finish_non_exhaustive()
    }
}

pub(super) fn derive(secret_access_key: &str, scope: Scope<'_>) -> Zeroizing<[u8; 32]> {
    let secret = Zeroizing::new(["AWS4", secret_access_key].concat());
    let date_key = hmac(secret.as_bytes(), scope.date);
    let region_key = hmac(&*date_key, scope.region);
    let service_key = hmac(&*region_key, SERVICE);
    hmac(&*service_key, TERMINATOR)
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn hmac(key: &[u8], message: &str) -> Zeroizing<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(message.as_bytes());
    Zeroizing::new(mac.finalize().into_bytes().into())
}
