//! The buffer that a part is collected in.

use std::io;

use bytes::{BufMut as _, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::model::r2::{ChecksumAlgorithm, Crc64Nvme, Hasher};
use crate::r2::ops::parts_in_flight::Part;

/// Maximum number of bytes in one read: small enough for a processor's cache.
const READ: usize = 256 * 1024;

/// Initial capacity of a buffer, in bytes.
const BEGIN: usize = 64 * 1024;

/// The bytes of a part. Its checksums are computed as they arrive.
#[derive(Debug)]
pub(super) struct PartBuffer {
    bytes: Vec<u8>,
    part_size: usize,
    crc: Option<Crc64Nvme>,
    /// The additional checksum, and its algorithm.
    other: Option<(ChecksumAlgorithm, Hasher)>,
}

impl PartBuffer {
    /// An empty buffer for parts of this size.
    pub(super) fn new(part_size: usize, with_crc: bool, other: Option<ChecksumAlgorithm>) -> Self {
        let other = other.map(|algorithm| (algorithm, Hasher::new(algorithm)));
        Self { bytes: Vec::new(), part_size, crc: with_crc.then(Crc64Nvme::new), other }
    }

    /// An empty buffer for the next part, which is likely to be as large as this one.
    pub(super) fn next(&self) -> Self {
        let other = self.other.as_ref().map(|(algorithm, _)| *algorithm);
        let next = Self::new(self.part_size, self.crc.is_some(), other);
        Self { bytes: Vec::with_capacity(self.bytes.len()), ..next }
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= self.part_size
    }

    /// Copies as many of these bytes as fit. Returns how many.
    pub(super) fn write(&mut self, bytes: &[u8]) -> usize {
        let bytes = bytes.get(..self.room()).unwrap_or(bytes);
        while self.bytes.capacity() - self.bytes.len() < bytes.len() {
            self.grow();
        }
        self.bytes.extend_from_slice(bytes);
        self.add_to_checksums(bytes.len());
        bytes.len()
    }

    /// Reads what the reader has available. Returns 0 at the end.
    pub(super) async fn read(&mut self, reader: &mut (dyn AsyncRead + Send + Unpin)) -> io::Result<usize> {
        if self.bytes.len() == self.bytes.capacity() {
            self.grow();
        }
        let room = self.room().min(self.bytes.capacity() - self.bytes.len()).min(READ);
        let read = reader.read_buf(&mut (&mut self.bytes).limit(room)).await?;
        self.add_to_checksums(read);
        Ok(read)
    }

    fn room(&self) -> usize {
        self.part_size.saturating_sub(self.bytes.len())
    }

    /// Doubles the capacity, up to a whole part.
    fn grow(&mut self) {
        let size = (2 * self.bytes.capacity()).clamp(BEGIN.min(self.part_size), self.part_size);
        self.bytes.reserve_exact(size - self.bytes.len());
    }

    fn add_to_checksums(&mut self, last: usize) {
        let last = self.bytes.get(self.bytes.len() - last..).unwrap_or_default();
        if let Some(crc) = &mut self.crc {
            crc.update(last);
        }
        if let Some((_, other)) = &mut self.other {
            other.update(last);
        }
    }

    pub(super) fn into_part(self) -> Part {
        Part {
            body: Bytes::from(self.bytes).into(),
            crc: self.crc.unwrap_or_default(),
            checksum: self.other.map(|(_, hasher)| hasher.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::r2::Checksum;

    #[tokio::test]
    async fn a_part_is_filled_to_its_size() {
        for part_size in [1, BEGIN - 1, BEGIN, 3 * BEGIN + 5] {
            let bytes: Vec<u8> = (0..=255).cycle().take(part_size + 7).collect();
            let mut written = PartBuffer::new(part_size, true, Some(ChecksumAlgorithm::Sha1));
            assert_eq!(written.write(&bytes[..1]), 1);
            assert_eq!(written.write(&bytes[1..]), part_size - 1);
            assert!(written.is_full());
            assert_eq!((written.write(&bytes), written.bytes.capacity()), (0, part_size));

            let mut read = PartBuffer::new(part_size, true, Some(ChecksumAlgorithm::Sha1)).next();
            let mut reader = &bytes[..];
            while !read.is_full() {
                assert!(read.read(&mut reader).await.unwrap() > 0);
            }
            assert_eq!((reader.len(), read.bytes.capacity()), (7, part_size));
            for buffer in [written, read] {
                let part = buffer.into_part();
                assert_eq!(part.body.as_bytes().unwrap(), &bytes[..part_size]);
                assert_eq!(part.crc, Crc64Nvme::of(&bytes[..part_size]));
                assert_eq!(part.checksum, Some(Checksum::of(ChecksumAlgorithm::Sha1, &bytes[..part_size])));
            }
        }
    }
}
