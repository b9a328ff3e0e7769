//! CRCs: with the processor's instructions on native targets, and with small tables on wasm32, because every
//! Worker loads them when it starts (crc-fast has 700 KB of tables).

use super::checksum_algorithm::ChecksumAlgorithm;

#[cfg(not(target_arch = "wasm32"))]
pub(super) use fast::{Crc, crc_64_nvme};
#[cfg(target_arch = "wasm32")]
pub(super) use small::{Crc, crc_64_nvme};

#[cfg(not(target_arch = "wasm32"))]
mod fast {
    use super::ChecksumAlgorithm;

    #[derive(Clone)]
    pub(in crate::model::r2) struct Crc(Box<crc_fast::Digest>);

    impl Crc {
        pub(in crate::model::r2) fn new(algorithm: ChecksumAlgorithm) -> Self {
            Self(Box::new(crc_fast::Digest::new(match algorithm {
                ChecksumAlgorithm::Crc32 => crc_fast::CrcAlgorithm::Crc32IsoHdlc,
                ChecksumAlgorithm::Crc32c => crc_fast::CrcAlgorithm::Crc32Iscsi,
                _ => crc_fast::CrcAlgorithm::Crc64Nvme,
            })))
        }

        pub(in crate::model::r2) fn update(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }

        pub(in crate::model::r2) fn finish(self) -> u64 {
            self.0.finalize()
        }
    }

    /// The CRC-64/NVME of earlier bytes, whose CRC is `before`, followed by `bytes`.
    pub(in crate::model::r2) fn crc_64_nvme(before: u64, bytes: &[u8]) -> u64 {
        let mut digest =
            crc_fast::Digest::new_with_init_state(crc_fast::CrcAlgorithm::Crc64Nvme, before ^ u64::MAX);
        digest.update(bytes);
        digest.finalize()
    }
}

#[cfg(any(test, target_arch = "wasm32"))]
mod small {
    use super::ChecksumAlgorithm;

    static CRC_32: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    static CRC_32C: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);
    static CRC_64_NVME: crc::Crc<u64> = crc::Crc::<u64>::new(&crc::CRC_64_NVME);

    #[derive(Clone)]
    pub(in crate::model::r2) enum Crc {
        Bits32(crc::Digest<'static, u32>),
        Bits64(crc::Digest<'static, u64>),
    }

    impl Crc {
        pub(in crate::model::r2) fn new(algorithm: ChecksumAlgorithm) -> Self {
            match algorithm {
                ChecksumAlgorithm::Crc32 => Self::Bits32(CRC_32.digest()),
                ChecksumAlgorithm::Crc32c => Self::Bits32(CRC_32C.digest()),
                _ => Self::Bits64(CRC_64_NVME.digest()),
            }
        }

        pub(in crate::model::r2) fn update(&mut self, bytes: &[u8]) {
            match self {
                Self::Bits32(digest) => digest.update(bytes),
                Self::Bits64(digest) => digest.update(bytes),
            }
        }

        pub(in crate::model::r2) fn finish(self) -> u64 {
            match self {
                Self::Bits32(digest) => digest.finalize().into(),
                Self::Bits64(digest) => digest.finalize(),
            }
        }
    }

    /// The CRC-64/NVME of earlier bytes, whose CRC is `before`, followed by `bytes`.
    pub(in crate::model::r2) fn crc_64_nvme(before: u64, bytes: &[u8]) -> u64 {
        // The initial value is bit-reversed, like the algorithm's own.
        let mut digest = CRC_64_NVME.digest_with_initial((before ^ u64::MAX).reverse_bits());
        digest.update(bytes);
        digest.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_give_the_same() {
        let bytes: Vec<u8> = (0..10_000_u32).flat_map(u32::to_le_bytes).collect();
        for algorithm in [ChecksumAlgorithm::Crc32, ChecksumAlgorithm::Crc32c, ChecksumAlgorithm::Crc64Nvme] {
            let (mut fast, mut small) = (fast::Crc::new(algorithm), small::Crc::new(algorithm));
            for piece in bytes.chunks(777) {
                fast.update(piece);
                small.update(piece);
            }
            assert_eq!(fast.finish(), small.finish(), "{algorithm}");
        }
        let continued: [fn(u64, &[u8]) -> u64; 2] = [fast::crc_64_nvme, small::crc_64_nvme];
        let whole = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, &bytes);
        for continued in continued {
            assert_eq!(bytes.chunks(777).fold(0, continued), whole);
        }
    }
}
