//! One checksum, and how it is computed.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::digest::{Digest, Output};

use super::checksum_algorithm::ChecksumAlgorithm;
use super::crc::Crc;
use crate::error::{Error, Result};

/// One checksum of an object's bytes.
///
/// The service compares a checksum that is sent with a put, and refuses other bytes. A Worker's bucket
/// binding accepts MD5 and the SHA family. The S3 API accepts MD5, SHA-1, SHA-256 and the CRCs. Others are
/// refused before any I/O.
///
/// See [checking object integrity](https://developers.cloudflare.com/r2/api/s3/api/).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Checksum {
    /// MD5. It is the etag of every object that was not uploaded in parts, unless it is encrypted with a
    /// customer's key.
    Md5([u8; 16]),
    /// SHA-1.
    Sha1([u8; 20]),
    /// SHA-256.
    Sha256([u8; 32]),
    /// SHA-384.
    Sha384([u8; 48]),
    /// SHA-512.
    Sha512([u8; 64]),
    /// CRC-32 (ISO-HDLC), big-endian.
    Crc32([u8; 4]),
    /// CRC-32C (Castagnoli), big-endian.
    Crc32c([u8; 4]),
    /// CRC-64/NVME, big-endian.
    Crc64Nvme([u8; 8]),
}

impl Checksum {
    /// The checksum of some bytes.
    ///
    /// ```
    /// use cloudflare_clients::r2::{Checksum, ChecksumAlgorithm};
    ///
    /// let md5 = Checksum::of(ChecksumAlgorithm::Md5, b"");
    /// assert_eq!(md5.to_hex(), "d41d8cd98f00b204e9800998ecf8427e");
    /// ```
    pub fn of(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    pub(crate) fn md5_of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::md5();
        hasher.update(bytes);
        hasher.finish()
    }

    /// The checksum's algorithm.
    pub fn algorithm(&self) -> ChecksumAlgorithm {
        match self {
            Self::Md5(_) => ChecksumAlgorithm::Md5,
            Self::Sha1(_) => ChecksumAlgorithm::Sha1,
            Self::Sha256(_) => ChecksumAlgorithm::Sha256,
            Self::Sha384(_) => ChecksumAlgorithm::Sha384,
            Self::Sha512(_) => ChecksumAlgorithm::Sha512,
            Self::Crc32(_) => ChecksumAlgorithm::Crc32,
            Self::Crc32c(_) => ChecksumAlgorithm::Crc32c,
            Self::Crc64Nvme(_) => ChecksumAlgorithm::Crc64Nvme,
        }
    }

    /// The checksum's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Md5(bytes) => bytes,
            Self::Sha1(bytes) => bytes,
            Self::Sha256(bytes) => bytes,
            Self::Sha384(bytes) => bytes,
            Self::Sha512(bytes) => bytes,
            Self::Crc32(bytes) | Self::Crc32c(bytes) => bytes,
            Self::Crc64Nvme(bytes) => bytes,
        }
    }

    /// The checksum in lower-case hex, as the binding shows it.
    pub fn to_hex(&self) -> String {
        hex::encode(self.as_bytes())
    }

    /// The checksum in base64, as S3's headers carry it.
    pub fn to_base64(&self) -> String {
        BASE64.encode(self.as_bytes())
    }

    /// Reads the value of a `Content-MD5` or `x-amz-checksum-*` header.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the value is not base64 of the algorithm's length.
    pub fn from_base64(algorithm: ChecksumAlgorithm, value: &str) -> Result<Self> {
        let bytes = BASE64.decode(value).unwrap_or_default();
        Self::from_bytes(algorithm, &bytes).ok_or_else(|| {
            Error::invalid_input(format!(
                "{value:?} is not a {algorithm} checksum: it must be {} bytes in base64",
                algorithm.length()
            ))
        })
    }

    /// Creates a checksum from its bytes. `None` if their number is not the algorithm's.
    pub fn from_bytes(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> Option<Self> {
        Some(match algorithm {
            ChecksumAlgorithm::Md5 => Self::Md5(bytes.try_into().ok()?),
            ChecksumAlgorithm::Sha1 => Self::Sha1(bytes.try_into().ok()?),
            ChecksumAlgorithm::Sha256 => Self::Sha256(bytes.try_into().ok()?),
            ChecksumAlgorithm::Sha384 => Self::Sha384(bytes.try_into().ok()?),
            ChecksumAlgorithm::Sha512 => Self::Sha512(bytes.try_into().ok()?),
            ChecksumAlgorithm::Crc32 => Self::Crc32(bytes.try_into().ok()?),
            ChecksumAlgorithm::Crc32c => Self::Crc32c(bytes.try_into().ok()?),
            ChecksumAlgorithm::Crc64Nvme => Self::Crc64Nvme(bytes.try_into().ok()?),
        })
    }

    /// The MD5 in an etag. `None` if the object was uploaded in parts.
    pub(crate) fn from_etag(etag: &str) -> Option<Self> {
        let mut md5 = [0; 16];
        hex::decode_to_slice(etag, &mut md5).ok()?;
        Some(Self::Md5(md5))
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm(), self.to_hex())
    }
}

/// Computes a [`Checksum`] piece by piece.
pub struct Hasher(Box<dyn State>);

impl Hasher {
    /// Creates a hasher that has seen no bytes.
    pub fn new(algorithm: ChecksumAlgorithm) -> Self {
        Self(match algorithm {
            ChecksumAlgorithm::Md5 => Self::md5_state(),
            ChecksumAlgorithm::Sha1 => {
                Box::new(Hashing(sha1::Sha1::new(), |hash| Checksum::Sha1(hash.into())))
            }
            ChecksumAlgorithm::Sha256 => {
                Box::new(Hashing(sha2::Sha256::new(), |hash| Checksum::Sha256(hash.into())))
            }
            ChecksumAlgorithm::Sha384 => {
                Box::new(Hashing(sha2::Sha384::new(), |hash| Checksum::Sha384(hash.into())))
            }
            ChecksumAlgorithm::Sha512 => {
                Box::new(Hashing(sha2::Sha512::new(), |hash| Checksum::Sha512(hash.into())))
            }
            ChecksumAlgorithm::Crc32 | ChecksumAlgorithm::Crc32c | ChecksumAlgorithm::Crc64Nvme => {
                Box::new((algorithm, Crc::new(algorithm)))
            }
        })
    }

    /// Creates an MD5 hasher. A program that creates hashers only this way contains no code for the other
    /// algorithms.
    pub(crate) fn md5() -> Self {
        Self(Self::md5_state())
    }

    fn md5_state() -> Box<dyn State> {
        Box::new(Hashing(md5::Md5::new(), |hash| Checksum::Md5(hash.into())))
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the checksum of all bytes.
    pub fn finish(self) -> Checksum {
        self.0.finish()
    }
}

trait State: Send + Sync {
    fn update(&mut self, bytes: &[u8]);
    fn finish(self: Box<Self>) -> Checksum;
    fn clone(&self) -> Box<dyn State>;
}

#[derive(Clone)]
struct Hashing<D: Digest>(D, fn(Output<D>) -> Checksum);

impl<D: Digest + Clone + Send + Sync + 'static> State for Hashing<D> {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self: Box<Self>) -> Checksum {
        (self.1)(self.0.finalize())
    }

    fn clone(&self) -> Box<dyn State> {
        Box::new(Clone::clone(self))
    }
}

impl State for (ChecksumAlgorithm, Crc) {
    fn update(&mut self, bytes: &[u8]) {
        self.1.update(bytes);
    }

    fn finish(self: Box<Self>) -> Checksum {
        let (algorithm, crc) = *self;
        let bytes = crc.finish().to_be_bytes();
        let [.., a, b, c, d] = bytes;
        match algorithm {
            ChecksumAlgorithm::Crc32 => Checksum::Crc32([a, b, c, d]),
            ChecksumAlgorithm::Crc32c => Checksum::Crc32c([a, b, c, d]),
            _ => Checksum::Crc64Nvme(bytes),
        }
    }

    fn clone(&self) -> Box<dyn State> {
        Box::new(Clone::clone(self))
    }
}

impl Clone for Hasher {
    fn clone(&self) -> Self {
        Self(State::clone(&*self.0))
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn check_values_of_the_algorithms() {
        // The check input of the CRC catalogues.
        let expected = [
            (ChecksumAlgorithm::Md5, "25f9e794323b453885f5181f1b624d0b"),
            (ChecksumAlgorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
            (ChecksumAlgorithm::Sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
            (ChecksumAlgorithm::Crc32, "cbf43926"),
            (ChecksumAlgorithm::Crc32c, "e3069283"),
            (ChecksumAlgorithm::Crc64Nvme, "ae8b14860a799888"),
        ];
        for (algorithm, hex) in expected {
            let checksum = Checksum::of(algorithm, b"123456789");
            assert_eq!(checksum.to_hex(), hex, "{algorithm}");
            assert_eq!(checksum.algorithm(), algorithm);
        }
    }

    #[test]
    fn base64_round_trips_and_wrong_lengths_are_refused() {
        for algorithm in ChecksumAlgorithm::ALL {
            let checksum = Checksum::of(algorithm, b"abc");
            assert_eq!(checksum.as_bytes().len(), algorithm.length());
            assert_eq!(Checksum::from_base64(algorithm, &checksum.to_base64()).ok(), Some(checksum));
            let error = Checksum::from_base64(algorithm, "AAA=").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.message().contains(&format!("\"AAA=\" is not a {algorithm} checksum")), "{error}");
        }
    }

    #[test]
    fn only_etags_of_whole_uploads_are_checksums() {
        assert!(Checksum::from_etag("25f9e794323b453885f5181f1b624d0b").is_some());
        assert!(Checksum::from_etag("f77dc0eecdebcd774a2a22cb393ad2ff-2").is_none());
    }
}
