//! Keys of the customer, by which R2 encrypts objects and which it does not keep.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::checksum::Checksum;
use crate::error::{Error, Result};

/// How many bytes a key has: AES-256's.
const LENGTH: usize = 32;

/// A key of one's own that R2 encrypts an object with (SSE-C). It is sent with each request for the object or
/// its bytes, and R2 keeps no more of it than its MD5: whoever loses the key has lost the object.
///
/// `Debug` shows the MD5 alone. The bytes are in memory once, however often the key is cloned, and are
/// overwritten when the last clone is dropped.
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
/// // 32 random bytes, such as `openssl rand -hex 32` gives, from wherever secrets are kept.
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
    /// The key of these 32 bytes, which should be random.
    pub fn from_bytes(bytes: [u8; LENGTH]) -> Self {
        let bytes = Zeroizing::new(bytes);
        Self { md5: Checksum::md5_of(&*bytes), bytes: Arc::new(bytes) }
    }

    /// The key that a text has in hex (64 digits, as R2's binding takes it) or base64 (44 characters, as its
    /// S3 API does). White space around it does not count.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): it is neither, or has other than 32 bytes. The text is
    /// not in the error.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let mut bytes = Zeroizing::new([0; LENGTH]);
        let is_key = if text.len() == 2 * LENGTH {
            hex::decode_to_slice(text, &mut *bytes).is_ok()
        } else {
            // As many bytes as 44 characters may have.
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
            "the customer's key is not 32 bytes in hex (64 digits) or base64 (44 characters): `openssl rand -hex 32` makes one",
        ))
    }

    /// Its bytes, for who encrypts or sends them.
    pub fn expose(&self) -> &[u8; LENGTH] {
        &self.bytes
    }

    /// The MD5 of its bytes, by which keys are told apart. The encryption does not use it.
    pub fn md5(&self) -> Checksum {
        self.md5
    }

    /// The bytes in base64, as the S3 API has them.
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
