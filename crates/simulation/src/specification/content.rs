//! Bytes defined by a seed and a length, and the etags that R2 gives them.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use md5::{Digest as _, Md5};

/// Bytes are generated in blocks, so that any of them can be generated without those before.
const BLOCK: u64 = 4096;

/// The recorded form of bytes that were read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Digest {
    md5: [u8; 16],
    length: u64,
}

impl Digest {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { md5: Md5::digest(bytes).into(), length: bytes.len() as u64 }
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", short(&hex::encode(self.md5)), self.length)
    }
}

/// The bytes of one request: of an object that is put whole, or of a part.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Piece {
    seed: u64,
    length: u64,
    md5: [u8; 16],
}

impl Piece {
    pub(crate) fn new(seed: u64, length: u64) -> Self {
        let mut hasher = Md5::new();
        let mut offset = 0;
        while offset < length {
            let end = length.min(offset + BLOCK);
            hasher.update(block(seed, offset..end));
            offset = end;
        }
        Self { seed, length, md5: hasher.finalize().into() }
    }

    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.slice(0..self.length)
    }

    /// Returns the etag of a part, or of an object that is put whole: the MD5 of its bytes.
    pub(crate) fn etag(&self) -> String {
        hex::encode(self.md5)
    }

    fn slice(&self, range: Range<u64>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut offset = range.start;
        while offset < range.end {
            let end = range.end.min(offset - offset % BLOCK + BLOCK);
            bytes.extend(block(self.seed, offset..end));
            offset = end;
        }
        bytes
    }
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", short(&self.etag()), self.length)
    }
}

/// Returns bytes within one block.
fn block(seed: u64, range: Range<u64>) -> Vec<u8> {
    let begin = range.start - range.start % BLOCK;
    let mut rng = fastrand::Rng::with_seed(seed ^ (begin / BLOCK).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    // The first numbers of generators with neighbouring seeds are similar.
    let mut rng = fastrand::Rng::with_seed(rng.u64(..));
    let mut bytes = vec![0; usize::try_from(range.end - begin).unwrap_or_default()];
    rng.fill(&mut bytes);
    bytes.split_off(usize::try_from(range.start - begin).unwrap_or_default())
}

/// The bytes of an object.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Content(Arc<Inner>);

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Inner {
    etag: String,
    size: u64,
    pieces: Vec<Piece>,
}

impl Content {
    /// Creates the content of an object that is put whole.
    pub(crate) fn new(seed: u64, length: u64) -> Self {
        let piece = Piece::new(seed, length);
        Self(Arc::new(Inner { etag: piece.etag(), size: length, pieces: vec![piece] }))
    }

    /// Creates the content of a multipart upload. Its etag is the MD5 of the parts' MD5s, with the number of
    /// parts. See [R2's
    /// etags](https://developers.cloudflare.com/r2/objects/multipart-objects/#multipart-upload-etag).
    pub(crate) fn of_parts(parts: Vec<Piece>) -> Self {
        let mut hasher = Md5::new();
        for part in &parts {
            hasher.update(part.md5);
        }
        let etag = format!("{}-{}", hex::encode(hasher.finalize()), parts.len());
        let size = parts.iter().map(Piece::len).sum();
        Self(Arc::new(Inner { etag, size, pieces: parts }))
    }

    /// Content that no answer to a client distinguishes from other content: see `R2History::check`.
    pub(super) fn unseen() -> Self {
        Self(Arc::new(Inner { etag: "unseen".to_owned(), size: 0, pieces: Vec::new() }))
    }

    pub(crate) fn etag(&self) -> &str {
        &self.0.etag
    }

    pub(crate) fn size(&self) -> u64 {
        self.0.size
    }

    /// Returns all bytes, for a put.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.slice(0, self.size())
    }

    /// Returns `length` bytes from `offset`, or as many as exist.
    pub(crate) fn slice(&self, offset: u64, length: u64) -> Vec<u8> {
        let end = offset.saturating_add(length);
        let mut bytes = Vec::new();
        let mut begin = 0;
        for piece in &self.0.pieces {
            let from = offset.max(begin).min(begin + piece.length);
            let to = end.min(begin + piece.length).max(from);
            bytes.extend(piece.slice(from - begin..to - begin));
            begin += piece.length;
        }
        bytes
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", short(self.etag()), self.size())
    }
}

/// Shortens an etag for output.
pub(crate) fn short(etag: &str) -> String {
    let (md5, parts) = etag.split_once('-').unwrap_or((etag, ""));
    let shown = md5.get(..8).unwrap_or(md5);
    if parts.is_empty() { shown.to_owned() } else { format!("{shown}-{parts}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_slice_is_that_of_all_bytes() {
        let whole = Content::new(7, 10_000);
        let parts = Content::of_parts([5000, 4096, 0, 904].map(|length| Piece::new(length, length)).to_vec());
        for content in [whole, parts] {
            let bytes = content.bytes();
            assert_eq!(bytes.len(), 10_000);
            for (offset, length) in [(0, 1), (4095, 2), (4096, 4096), (4999, 5000), (9999, 10), (10_000, 1)] {
                let [from, to] =
                    [offset, (offset + length).min(10_000)].map(|at| usize::try_from(at).unwrap());
                assert_eq!(content.slice(offset, length), bytes[from..to], "{offset}+{length}");
            }
        }
        assert_ne!(Content::new(1, 100).bytes(), Piece::new(2, 100).bytes());
        assert_eq!(Content::new(2, 100).bytes(), Piece::new(2, 100).bytes());
    }

    #[test]
    fn etags_are_r2s() {
        let whole = Content::new(3, 5000);
        assert_eq!(whole.etag(), hex::encode(Md5::digest(whole.bytes())));
        assert_eq!(Content::new(3, 0).etag(), "d41d8cd98f00b204e9800998ecf8427e");
        // From a real upload.
        let md5 = |hex| hex::decode(hex).unwrap().try_into().unwrap();
        let parts = ["bce6bf66aeb76c7040fdd5f4eccb78e6", "8165449fc15bbf43d3b674595cbcc406"];
        let parts = parts.map(|hex| Piece { md5: md5(hex), ..Piece::new(0, 0) });
        assert_eq!(Content::of_parts(parts.to_vec()).etag(), "f77dc0eecdebcd774a2a22cb393ad2ff-2");
    }
}
