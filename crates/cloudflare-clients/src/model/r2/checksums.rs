//! The checksums of an object.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::checksum::Checksum;
use super::checksum_algorithm::ChecksumAlgorithm;
use super::composite_checksum::{CompositeChecksum, ObjectChecksum};
use crate::json;

/// The checksums that a service returned for an object.
///
/// R2 keeps the MD5 of each object that was not uploaded in parts, and the checksum that was sent with its
/// put. An object that was uploaded in parts has only the checksum of the algorithm with which the upload was
/// [created](crate::r2::CreateMultipartUpload::checksum_algorithm): the CRC-64/NVME of all its bytes, or a
/// [composite](Self::composite) checksum of its parts' checksums.
///
/// All but [`composite`](Self::composite) are computed from the object's bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Checksums {
    of_bytes: Vec<Checksum>,
    composite: Option<CompositeChecksum>,
}

impl Checksums {
    /// The checksum of all bytes with this algorithm.
    pub fn get(&self, algorithm: ChecksumAlgorithm) -> Option<&Checksum> {
        self.of_bytes.iter().find(|checksum| checksum.algorithm() == algorithm)
    }

    /// Adds a checksum, replacing one of the same algorithm.
    pub fn insert(&mut self, checksum: Checksum) {
        self.of_bytes.retain(|known| known.algorithm() != checksum.algorithm());
        self.of_bytes.push(checksum);
    }

    /// All checksums of the object's bytes.
    pub fn iter(&self) -> std::slice::Iter<'_, Checksum> {
        self.of_bytes.iter()
    }

    /// The checksum of the checksums of the object's parts.
    pub const fn composite(&self) -> Option<&CompositeChecksum> {
        self.composite.as_ref()
    }

    /// Sets the checksum of the checksums of the object's parts.
    pub fn set_composite(&mut self, composite: CompositeChecksum) {
        self.composite = Some(composite);
    }

    /// The checksum that the service keeps in addition to the MD5: at most one, of the bytes or of the parts.
    /// S3 returns its [algorithm](ObjectChecksum::algorithm) and [type](ObjectChecksum::checksum_type) as
    /// `ChecksumAlgorithm` and `ChecksumType`.
    pub fn kept(&self) -> Option<ObjectChecksum> {
        let of_bytes = self.iter().find(|checksum| checksum.algorithm() != ChecksumAlgorithm::Md5).copied();
        self.composite.map(ObjectChecksum::Composite).or(of_bytes.map(ObjectChecksum::FullObject))
    }

    /// Whether there are no checksums.
    pub fn is_empty(&self) -> bool {
        self.of_bytes.is_empty() && self.composite.is_none()
    }
}

/// Iterates over the checksums of the object's bytes.
impl<'a> IntoIterator for &'a Checksums {
    type Item = &'a Checksum;
    type IntoIter = std::slice::Iter<'a, Checksum>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<Checksum> for Checksums {
    fn from_iter<I: IntoIterator<Item = Checksum>>(checksums: I) -> Self {
        let mut set = Self::default();
        set.extend(checksums);
        set
    }
}

impl Extend<Checksum> for Checksums {
    fn extend<I: IntoIterator<Item = Checksum>>(&mut self, checksums: I) {
        checksums.into_iter().for_each(|checksum| self.insert(checksum));
    }
}

impl Extend<ObjectChecksum> for Checksums {
    fn extend<I: IntoIterator<Item = ObjectChecksum>>(&mut self, checksums: I) {
        for checksum in checksums {
            match checksum {
                ObjectChecksum::FullObject(checksum) => self.insert(checksum),
                ObjectChecksum::Composite(composite) => self.set_composite(composite),
            }
        }
    }
}

/// Serializes as an object of hex strings by algorithm: `{"md5": "d41d8cd98f00b204e9800998ecf8427e"}`. A
/// composite checksum is followed by the number of parts: `{"crc32": "cbf43926-2"}`.
impl Serialize for Checksums {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let of_bytes = self.iter().map(|checksum| (checksum.algorithm().name(), checksum.to_hex()));
        let composite =
            self.composite.iter().map(|checksum| (checksum.algorithm().name(), checksum.to_hex()));
        serializer.collect_map(of_bytes.chain(composite))
    }
}

/// Ignores algorithms that this version does not know.
impl<'de> Deserialize<'de> for Checksums {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut checksums = Self::default();
        for (name, hex) in json::texts_by_name(deserializer)? {
            let Some(algorithm) = ChecksumAlgorithm::from_name(&name) else { continue };
            let checksum = ObjectChecksum::from_hex(algorithm, &hex).ok_or_else(|| {
                let bytes = algorithm.length();
                de::Error::custom(format_args!(
                    "{hex:?} is not a {algorithm} checksum: it must be {bytes} bytes in hex"
                ))
            })?;
            checksums.extend([checksum]);
        }
        Ok(checksums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_survive_json_whatever_they_are_of() {
        let sha256 = Checksum::of(ChecksumAlgorithm::Sha256, b"x");
        let mut checksums: Checksums =
            [Checksum::of(ChecksumAlgorithm::Md5, b"x"), sha256].into_iter().collect();
        assert_eq!(checksums.kept(), Some(ObjectChecksum::FullObject(sha256)));
        assert_eq!(
            serde_json::from_str::<Checksums>(&serde_json::to_string(&checksums).unwrap()).unwrap(),
            checksums
        );
        let composite = CompositeChecksum::of_parts(ChecksumAlgorithm::Crc32, []).unwrap();
        checksums = [Checksum::of(ChecksumAlgorithm::Md5, b"x")].into_iter().collect();
        checksums.set_composite(composite);
        assert_eq!(checksums.kept(), Some(ObjectChecksum::Composite(composite)));
        assert_eq!(checksums.get(ChecksumAlgorithm::Crc32), None, "it is not of the bytes");
        let json = serde_json::to_value(&checksums).unwrap();
        assert_eq!(json["crc32"], "00000000-0");
        assert_eq!(serde_json::from_value::<Checksums>(json).unwrap(), checksums);
        for wrong in ["00-1", "00000000-x", "0000"] {
            let json = serde_json::json!({ "crc32": wrong });
            assert!(serde_json::from_value::<Checksums>(json).is_err(), "{wrong}");
        }
    }
}
