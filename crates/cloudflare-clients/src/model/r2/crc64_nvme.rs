//! CRC-64/NVME of bytes in parts: the checksums of the parts make that of the whole.

use super::checksum::Checksum;
use super::crc::crc_64_nvme;

/// The CRC-64/NVME of some bytes, and how many they are: enough to know that of these and of the bytes behind
/// them.
///
/// It is the one checksum that R2 keeps of the whole of an object that was uploaded in parts
/// ([AWS](https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html#Full-object-checksums)
/// calls it a full-object checksum). So an upload, or a download in ranges, is proved without a second look
/// at its bytes: have one of these of each part, in whatever order they go, and [`append`](Self::append) them
/// in the order of the bytes. That takes about a tenth of a microsecond for each bit that is set in the
/// part's length, however long it is.
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
    /// That of no bytes.
    pub const fn new() -> Self {
        Self { crc: 0, length: 0 }
    }

    /// That of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut crc = Self::new();
        crc.update(bytes);
        crc
    }

    /// The CRC of `length` bytes whose checksum is known, such as that of a listed part. `None` for the
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

    /// Adds the bytes that the other one is of, which come behind.
    pub fn append(&mut self, next: Self) {
        self.crc = moved(self.crc, next.length) ^ next.crc;
        self.length = self.length.saturating_add(next.length);
    }

    /// How many bytes it is of.
    pub const fn length(self) -> u64 {
        self.length
    }

    /// The checksum.
    pub const fn checksum(self) -> Checksum {
        Checksum::Crc64Nvme(self.crc.to_be_bytes())
    }
}

/// The bytes of all, one behind the other.
impl Extend<Self> for Crc64Nvme {
    fn extend<I: IntoIterator<Item = Self>>(&mut self, parts: I) {
        parts.into_iter().for_each(|part| self.append(part));
    }
}

/// The bytes of all, one behind the other.
impl FromIterator<Self> for Crc64Nvme {
    fn from_iter<I: IntoIterator<Item = Self>>(parts: I) -> Self {
        let mut whole = Self::new();
        whole.extend(parts);
        whole
    }
}

// A CRC is a polynomial modulo another one, over the field of two elements, and zeros behind the bytes are a
// multiplication with a power of x. What all CRCs are inverted by cancels out. The highest bit is the
// coefficient of 1, the lowest that of x^63.

/// The polynomial without x^64: 0xad93d23594c93659 from the other end.
const POLYNOMIAL: u64 = 0x9a6c_9329_ac4b_c9b5;

const ONE: u64 = 1 << 63;

/// x^(8 * 2^n) for each n: what as many zero bytes multiply with.
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
        // All ones where the coefficient is 1.
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
            // Up to 600 bytes, now and then none.
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

        // In whatever order they are combined.
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
