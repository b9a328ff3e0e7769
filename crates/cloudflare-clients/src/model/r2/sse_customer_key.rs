//! Customer keys: keys that encrypt objects and that R2 does not store.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::checksum::Checksum;
use crate::error::{Error, Result};

/// The length of a key in bytes: that of AES-256.
const LENGTH: usize = 32;

/// A customer's key with which R2 encrypts an object (SSE-C). It is sent with each request for the object or
/// its bytes. R2 stores only its MD5: without the key, the object cannot be read.
///
/// `Debug` shows only the MD5. Clones share the bytes, which are overwritten when the last clone is dropped.
///
/// See [R2's example](https://developers.cloudflare.com/r2/examples/ssec/) and [AWS on
/// SSE-C](https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html).
///
/// ```
/// # use cloudflare_clients::{LocalBucket, r2::R2Service};
/// use cloudflare_clients::r2::SseCustomerKey;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let r2 = R2Service::new(LocalBucket::open(folder.path(), "media").await?);
/// // 32 random bytes, for example from `openssl rand -hex 32`, kept with your other secrets.
/// let key = SseCustomerKey::parse("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")?;
/// r2.put("secret.txt", "nobody else's").ssec_key(key.clone()).await?;
/// let text = r2.get("secret.txt").ssec_key(key).text().await?;
/// assert_eq!(text.as_deref(), Some("nobody else's"));
/// assert!(r2.get("secret.txt").await.is_err());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct SseCustomerKey {
    bytes: Arc<Zeroizing<[u8; LENGTH]>>,
    md5: Checksum,
}

impl SseCustomerKey {
    /// Creates a key from 32 bytes, which should be random.
    pub fn from_bytes(bytes: [u8; LENGTH]) -> Self {
        let bytes = Zeroizing::new(bytes);
        Self { md5: Checksum::md5_of(&*bytes), bytes: Arc::new(bytes) }
    }

    /// Reads a key from hex (64 digits, as in R2's binding) or base64 (44 characters, as in the S3 API).
    /// White space around it is ignored.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the text has another form or another length. The error
    /// does not contain the text.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let mut bytes = Zeroizing::new([0; LENGTH]);
        let is_key = if text.len() == 2 * LENGTH {
            hex::decode_to_slice(text, &mut *bytes).is_ok()
        } else {
            // 44 characters can hold this many bytes.
            let mut decoded = Zeroizing::new([0; LENGTH + 1]);
            match BASE64_STANDARD.decode_slice(text, &mut *decoded) {
                Ok(LENGTH) => {
                    bytes.copy_from_slice(&decoded[..LENGTH]);
                    true
                }
                _ => false,
            }
        };
        if is_key {
            return Ok(Self::from_bytes(*bytes));
        }
        Err(Error::invalid_input(
            "the customer's key is not 32 bytes in hex (64 digits) or base64 (44 characters): create one with `openssl rand -hex 32`",
        ))
    }

    /// The key's bytes, for code that encrypts with them or sends them.
    pub fn expose(&self) -> &[u8; LENGTH] {
        &self.bytes
    }

    /// The MD5 of the key's bytes, which identifies the key. The encryption does not use it.
    pub fn md5(&self) -> Checksum {
        self.md5
    }

    /// The key's bytes in base64, as the S3 API needs them.
    pub(crate) fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64_STANDARD.encode(self.expose()))
    }
}

impl PartialEq for SseCustomerKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes.ct_eq(&**other.bytes).into()
    }
}

impl Eq for SseCustomerKey {}

impl fmt::Debug for SseCustomerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SseCustomerKey").field("md5", &self.md5.to_hex()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn keys_come_in_hex_and_base64_and_are_not_shown() {
        let key = SseCustomerKey::from_bytes(std::array::from_fn(|index| u8::try_from(index).unwrap()));
        let hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        let base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        for text in [hex, &hex.to_uppercase(), base64, &format!(" {base64}\n")] {
            assert_eq!(SseCustomerKey::parse(text).unwrap(), key);
        }
        assert_eq!(*key.to_base64(), base64);
        assert_eq!(
            format!("{key:?}"),
            "SseCustomerKey { md5: \"b4ffcb23737ce4ef9f9cfa5b7d3bd6ff\", .. }"
                .replace("b4ffcb23737ce4ef9f9cfa5b7d3bd6ff", &key.md5().to_hex())
        );
        for text in ["", &hex[1..], &format!("{hex}0"), &base64[1..], &"g".repeat(64), "c2hvcnQ="] {
            let error = SseCustomerKey::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(text.is_empty() || !format!("{error:?}").contains(text), "{error:?}");
        }
        assert_ne!(SseCustomerKey::from_bytes([1; 32]), key);
    }
}
