//! CRC-64/NVME of parts, which can be combined into that of the whole.

use super::checksum::Checksum;
use super::crc::crc_64_nvme;

/// The CRC-64/NVME of some bytes, together with their number, so that it can be combined with that of the
/// bytes that follow.
///
/// It is the only checksum of all bytes that R2 keeps for an object that was uploaded in parts. AWS calls it
/// a
/// [full-object checksum](https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html#Full-object-checksums).
/// It verifies an upload, or a download in ranges, without reading the bytes a second time: compute one for
/// each part, in any order, and [`append`](Self::append) them in the order of the bytes. Appending takes
/// about 0.1 microseconds for each set bit in the part's length, however long the part is.
///
/// ```
/// use cloudflare_clients::r2::Crc64Nvme;
///
/// let second = Crc64Nvme::of(b"6789");
/// let mut whole = Crc64Nvme::of(b"123");
/// whole.update(b"45");
/// whole.append(second);
/// assert_eq!((whole, whole.length()), (Crc64Nvme::of(b"123456789"), 9));
/// assert_eq!(whole.checksum().to_hex(), "ae8b14860a799888");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Crc64Nvme {
    crc: u64,
    length: u64,
}

impl Crc64Nvme {
    /// Creates the CRC of no bytes.
    pub const fn new() -> Self {
        Self { crc: 0, length: 0 }
    }

    /// Computes the CRC of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut crc = Self::new();
        crc.update(bytes);
        crc
    }

    /// Creates the CRC of `length` bytes from a known checksum, such as that of a listed part. `None` for a
    /// checksum of another algorithm.
    pub fn from_checksum(checksum: Checksum, length: u64) -> Option<Self> {
        match checksum {
            Checksum::Crc64Nvme(crc) => Some(Self { crc: u64::from_be_bytes(crc), length }),
            _ => None,
        }
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.crc = crc_64_nvme(self.crc, bytes);
        self.length += bytes.len() as u64;
    }

    /// Appends the bytes of the other CRC.
    pub fn append(&mut self, next: Self) {
        self.crc = moved(self.crc, next.length) ^ next.crc;
        self.length = self.length.saturating_add(next.length);
    }

    /// The number of bytes.
    pub const fn length(self) -> u64 {
        self.length
    }

    /// The CRC as a checksum.
    pub const fn checksum(self) -> Checksum {
        Checksum::Crc64Nvme(self.crc.to_be_bytes())
    }
}

/// Appends the bytes of all, in order.
impl Extend<Self> for Crc64Nvme {
    fn extend<I: IntoIterator<Item = Self>>(&mut self, parts: I) {
        parts.into_iter().for_each(|part| self.append(part));
    }
}

/// Concatenates the bytes of all, in order.
impl FromIterator<Self> for Crc64Nvme {
    fn from_iter<I: IntoIterator<Item = Self>>(parts: I) -> Self {
        let mut whole = Self::new();
        whole.extend(parts);
        whole
    }
}

// A CRC is a polynomial modulo another one, over the field of two elements. Appending zeros to the bytes
// multiplies it by a power of x. The inversion that all CRCs have cancels out. The highest bit is the
// coefficient of 1, the lowest that of x^63.

/// The polynomial without x^64: 0xad93d23594c93659 with its bits reversed.
const POLYNOMIAL: u64 = 0x9a6c_9329_ac4b_c9b5;

const ONE: u64 = 1 << 63;

/// x^(8 * 2^n) for each n: the factor for 2^n zero bytes.
static ZEROS: [u64; 64] = {
    let mut powers = [ONE >> 8; 64];
    let mut n = 1;
    while n < 64 {
        powers[n] = product(powers[n - 1], powers[n - 1]);
        n += 1;
    }
    powers
};

/// The CRC of the same bytes followed by this many zero bytes.
fn moved(mut crc: u64, mut length: u64) -> u64 {
    for power in ZEROS {
        if length & 1 == 1 {
            crc = product(power, crc);
        }
        length >>= 1;
        if length == 0 {
            break;
        }
    }
    crc
}

const fn product(mut a: u64, mut b: u64) -> u64 {
    let mut product = 0;
    while a != 0 {
        // All ones if the coefficient is 1.
        product ^= b & 0_u64.wrapping_sub(a >> 63);
        a <<= 1;
        b = (b >> 1) ^ (POLYNOMIAL & 0_u64.wrapping_sub(b & 1));
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::r2::ChecksumAlgorithm;

    #[test]
    fn ten_thousand_parts_of_odd_sizes_make_the_whole() {
        let bytes: Vec<u8> = (0..750_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut parts = Vec::new();
        let mut rest = &bytes[..];
        for number in 0..9_999_usize {
            // Up to 600 bytes, sometimes none.
            let size = if number % 97 == 0 { 0 } else { number * 7919 % 599 };
            let (part, behind) = rest.split_at(size.min(rest.len()));
            parts.push(Crc64Nvme::of(part));
            rest = behind;
        }
        parts.push(Crc64Nvme::of(rest));
        let whole: Crc64Nvme = parts.iter().copied().collect();
        assert_eq!(parts.len(), 10_000);
        assert_eq!(whole.length(), bytes.len() as u64);
        assert_eq!(whole.checksum(), Checksum::of(ChecksumAlgorithm::Crc64Nvme, &bytes));

        // In any order of combining.
        let (first, second) = parts.split_at(4321);
        let mut halves: Crc64Nvme = first.iter().copied().collect();
        halves.append(second.iter().copied().collect());
        assert_eq!(halves, whole);
        parts.swap(10, 11);
        assert_ne!(parts.into_iter().collect::<Crc64Nvme>(), whole);
    }

    #[test]
    fn parts_of_any_length_are_combined_as_by_others() {
        let [a, b] = [Crc64Nvme::of(b"first"), Crc64Nvme::of(b"second")];
        for length in [0, 1, 5 << 20, 5 << 30, u64::MAX / 8] {
            let mut whole = a;
            whole.append(Crc64Nvme { length, ..b });
            let other = crc_fast::checksum_combine(crc_fast::CrcAlgorithm::Crc64Nvme, a.crc, b.crc, length);
            assert_eq!(whole.crc, other, "{length}");
        }
    }

    #[test]
    fn bytes_are_added_piece_by_piece() {
        let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut pieces = Crc64Nvme::new();
        bytes.chunks(777).for_each(|piece| pieces.update(piece));
        assert_eq!(pieces, Crc64Nvme::of(&bytes));
        assert_eq!(pieces.checksum(), Checksum::of(ChecksumAlgorithm::Crc64Nvme, &bytes));
        assert_eq!(Crc64Nvme::new().checksum(), Checksum::of(ChecksumAlgorithm::Crc64Nvme, b""));
        assert_eq!(Crc64Nvme::from_checksum(pieces.checksum(), 400_000), Some(pieces));
        assert_eq!(Crc64Nvme::from_checksum(Checksum::md5_of(b""), 0), None);
    }
}
