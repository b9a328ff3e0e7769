//! Checksums of checksums: for the algorithms whose checksums of parts cannot be combined into that of the
//! whole.

use std::fmt;

use super::checksum::{Checksum, Hasher};
use super::checksum_algorithm::ChecksumAlgorithm;
use super::checksum_type::ChecksumType;
use crate::error::{Error, Result};

/// The checksum of an object that was uploaded in parts, computed from the checksums of its parts. S3 calls
/// it `COMPOSITE` and writes it as `<base64>-<parts>`. It differs if the same bytes are cut into other parts.
///
/// R2 has it for SHA-1, SHA-256, CRC-32 and CRC-32C, if the upload was
/// [created with the algorithm](crate::r2::CreateMultipartUpload::checksum_algorithm).
///
/// ```
/// use cloudflare_clients::r2::{Checksum, ChecksumAlgorithm, CompositeChecksum};
///
/// let parts = ["one", "two"].map(|part| Checksum::of(ChecksumAlgorithm::Sha256, part.as_bytes()));
/// let whole = CompositeChecksum::of_parts(ChecksumAlgorithm::Sha256, parts)?;
/// assert_eq!(whole.to_base64(), "EZFMGaKKmMV9EvPM5sMreUR4T0tHgacGwk6x3ChOKFY=-2");
/// assert_eq!(CompositeChecksum::from_base64(ChecksumAlgorithm::Sha256, &whole.to_base64())?, whole);
/// # Ok::<_, cloudflare_clients::Error>(())
/// ```
///
/// See [checking object
/// integrity](https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html#large-object-checksums).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CompositeChecksum {
    checksum: Checksum,
    parts: u16,
}

impl CompositeChecksum {
    /// Creates a composite checksum from the checksum of the parts' checksums and the number of parts.
    pub const fn new(checksum: Checksum, parts: u16) -> Self {
        Self { checksum, parts }
    }

    /// Computes the composite checksum from the checksums of all parts, in their order.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): a checksum has another algorithm, or there are more
    /// than 65,535 parts.
    pub fn of_parts(algorithm: ChecksumAlgorithm, parts: impl IntoIterator<Item = Checksum>) -> Result<Self> {
        let mut hasher = Hasher::new(algorithm);
        let mut count = 0_u16;
        for part in parts {
            if part.algorithm() != algorithm {
                return Err(Error::invalid_input(format!(
                    "the {} checksum of a part is not a {algorithm} checksum",
                    part.algorithm()
                )));
            }
            count = count
                .checked_add(1)
                .ok_or_else(|| Error::invalid_input("there are more than 65,535 parts"))?;
            hasher.update(part.as_bytes());
        }
        Ok(Self { checksum: hasher.finish(), parts: count })
    }

    /// The algorithm of this checksum and of the parts' checksums.
    pub fn algorithm(&self) -> ChecksumAlgorithm {
        self.checksum.algorithm()
    }

    /// The checksum of the parts' checksums.
    pub const fn checksum(&self) -> Checksum {
        self.checksum
    }

    /// The number of parts.
    pub const fn parts(&self) -> u16 {
        self.parts
    }

    /// `<base64>-<parts>`, the form in S3's headers and documents.
    pub fn to_base64(&self) -> String {
        format!("{}-{}", self.checksum.to_base64(), self.parts)
    }

    /// `<hex>-<parts>`.
    pub fn to_hex(&self) -> String {
        format!("{}-{}", self.checksum.to_hex(), self.parts)
    }

    /// Reads `<base64>-<parts>`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the value is not base64 of the algorithm's length, a
    /// dash and a number.
    pub fn from_base64(algorithm: ChecksumAlgorithm, value: &str) -> Result<Self> {
        let parsed = value.rsplit_once('-').and_then(|(checksum, parts)| {
            Some(Self::new(Checksum::from_base64(algorithm, checksum).ok()?, parts.parse().ok()?))
        });
        parsed.ok_or_else(|| {
            Error::invalid_input(format!(
                "{value:?} is not a composite {algorithm} checksum: it must be {} bytes in base64, a dash and the \
                 number of parts",
                algorithm.length()
            ))
        })
    }

    /// Reads `<hex>-<parts>`.
    pub(crate) fn from_hex(algorithm: ChecksumAlgorithm, value: &str) -> Option<Self> {
        let (checksum, parts) = value.rsplit_once('-')?;
        Some(Self::new(Checksum::from_bytes(algorithm, &hex::decode(checksum).ok()?)?, parts.parse().ok()?))
    }
}

impl fmt::Debug for CompositeChecksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm(), self.to_hex())
    }
}

/// The checksum that proves a multipart object: the one that completing an upload can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ObjectChecksum {
    /// The checksum of all bytes of the object.
    FullObject(Checksum),
    /// The checksum of the parts' checksums.
    Composite(CompositeChecksum),
}

impl ObjectChecksum {
    /// The checksum's algorithm.
    pub fn algorithm(&self) -> ChecksumAlgorithm {
        match self {
            Self::FullObject(checksum) => checksum.algorithm(),
            Self::Composite(checksum) => checksum.algorithm(),
        }
    }

    /// What the checksum is computed from.
    pub const fn checksum_type(&self) -> ChecksumType {
        match self {
            Self::FullObject(_) => ChecksumType::FullObject,
            Self::Composite(_) => ChecksumType::Composite,
        }
    }

    /// The checksum in base64, the form in S3's headers and documents. A composite one is followed by the
    /// number of parts.
    pub fn to_base64(&self) -> String {
        match self {
            Self::FullObject(checksum) => checksum.to_base64(),
            Self::Composite(checksum) => checksum.to_base64(),
        }
    }

    /// The checksum in lower-case hex. A composite one is followed by the number of parts.
    pub fn to_hex(&self) -> String {
        match self {
            Self::FullObject(checksum) => checksum.to_hex(),
            Self::Composite(checksum) => checksum.to_hex(),
        }
    }

    /// Reads the output of [`to_base64`](Self::to_base64).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the value is not base64 of the algorithm's length, with
    /// or without a number of parts.
    pub fn from_base64(algorithm: ChecksumAlgorithm, value: &str) -> Result<Self> {
        if value.contains('-') {
            return CompositeChecksum::from_base64(algorithm, value).map(Self::Composite);
        }
        Checksum::from_base64(algorithm, value).map(Self::FullObject)
    }

    /// Reads the output of [`to_hex`](Self::to_hex).
    pub(crate) fn from_hex(algorithm: ChecksumAlgorithm, value: &str) -> Option<Self> {
        if value.contains('-') {
            return CompositeChecksum::from_hex(algorithm, value).map(Self::Composite);
        }
        Checksum::from_bytes(algorithm, &hex::decode(value).ok()?).map(Self::FullObject)
    }
}

/// Writes the algorithm and the hex: `crc64nvme:ae8b14860a799888`.
impl fmt::Display for ObjectChecksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm(), self.to_hex())
    }
}

impl From<Checksum> for ObjectChecksum {
    fn from(checksum: Checksum) -> Self {
        Self::FullObject(checksum)
    }
}

impl From<CompositeChecksum> for ObjectChecksum {
    fn from(checksum: CompositeChecksum) -> Self {
        Self::Composite(checksum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    /// AWS's response for parts with these checksums.
    #[test]
    fn the_checksums_of_the_parts_are_hashed_one_behind_the_other() {
        for algorithm in [
            ChecksumAlgorithm::Sha1,
            ChecksumAlgorithm::Sha256,
            ChecksumAlgorithm::Crc32,
            ChecksumAlgorithm::Crc32c,
        ] {
            let parts = [b"one".as_slice(), b"two"].map(|part| Checksum::of(algorithm, part));
            let whole = CompositeChecksum::of_parts(algorithm, parts).unwrap();
            let joined = [parts[0].as_bytes(), parts[1].as_bytes()].concat();
            assert_eq!((whole.checksum(), whole.parts()), (Checksum::of(algorithm, &joined), 2));
            assert_eq!(CompositeChecksum::from_base64(algorithm, &whole.to_base64()).unwrap(), whole);
            assert_eq!(CompositeChecksum::from_hex(algorithm, &whole.to_hex()), Some(whole));
        }
        let md5 = Checksum::of(ChecksumAlgorithm::Md5, b"");
        let error = CompositeChecksum::of_parts(ChecksumAlgorithm::Sha1, [md5]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn what_does_not_say_how_many_parts_is_refused() {
        for value in ["NSRBwg==", "NSRBwg==-", "NSRBwg==-x", "-2", "NSRBwg==-65536", "AAA=-2"] {
            let error = CompositeChecksum::from_base64(ChecksumAlgorithm::Crc32, value).unwrap_err();
            assert!(
                error.message().contains(&format!("{value:?} is not a composite crc32 checksum")),
                "{error}"
            );
        }
    }
}
