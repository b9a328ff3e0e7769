//! Splits a compressed body into lines while it arrives.

use std::io::Write as _;

use bytes::{Buf as _, Bytes, BytesMut};
use flate2::write::GzDecoder;
use futures_util::TryStreamExt as _;

use super::event::{LINE_OVERHEAD, MAX_EVENT_SIZE};
use crate::error::{Error, ErrorKind, Result};
use crate::r2::ByteStream;

/// Maximum length of a line. Lines of other programs may contain more spaces and escapes than ours.
const MAX_LINE_SIZE: usize = 2 * (MAX_EVENT_SIZE + LINE_OVERHEAD);

/// Splits a body into lines. It holds one piece of the body, one line, and the 32 KiB that the decoder
/// returns at a time, however large the decompressed body is.
pub(super) struct Lines {
    body: ByteStream,
    /// Bytes that have arrived and are not decompressed yet.
    piece: Bytes,
    decoder: GzDecoder<Vec<u8>>,
    /// Decompressed bytes that are not returned yet.
    decoded: BytesMut,
    /// Length of the start of `decoded` that is known to contain no newline.
    searched: usize,
    /// The number of the last line that was returned, starting at 1.
    pub(super) number: u64,
}

impl Lines {
    pub(super) fn new(body: ByteStream) -> Self {
        Self {
            body,
            piece: Bytes::new(),
            decoder: GzDecoder::new(Vec::new()),
            decoded: BytesMut::new(),
            searched: 0,
            number: 0,
        }
    }

    /// Returns the next line, without its newline.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(line) = self.take_line() {
                return Ok(Some(line));
            }
            if self.decoded.len() > MAX_LINE_SIZE {
                let number = self.number + 1;
                return Err(damaged(format!("line {number} is longer than {MAX_LINE_SIZE} bytes")));
            }
            while self.piece.is_empty() {
                let Some(piece) = self.body.try_next().await? else { return self.end() };
                self.piece = piece;
            }
            // A single write decodes at most one internal buffer.
            let taken = self.decoder.write(&self.piece).map_err(not_gzip)?;
            if taken == 0 {
                return Err(damaged("there is data after the compressed events"));
            }
            self.piece.advance(taken);
            self.take_decoded();
        }
    }

    /// Returns what the decoder still holds at the end of the body, if the body is complete.
    fn end(&mut self) -> Result<Option<Bytes>> {
        self.decoder.try_finish().map_err(not_gzip)?;
        self.take_decoded();
        match self.take_line() {
            None if !self.decoded.is_empty() => {
                Err(damaged(format!("the events are cut off in line {}", self.number + 1)))
            }
            line => Ok(line),
        }
    }

    fn take_decoded(&mut self) {
        let decoded = self.decoder.get_mut();
        self.decoded.extend_from_slice(decoded);
        decoded.clear();
    }

    fn take_line(&mut self) -> Option<Bytes> {
        let unsearched = self.decoded.get(self.searched..).unwrap_or_default();
        let Some(at) = unsearched.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.decoded.len();
            return None;
        };
        let line = self.decoded.split_to(self.searched + at).freeze();
        self.decoded.advance(1);
        self.searched = 0;
        self.number += 1;
        Some(line)
    }
}

fn damaged(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Integrity, message)
}

fn not_gzip(error: std::io::Error) -> Error {
    damaged(format!("cannot decompress the events: {error}")).with_source(error)
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use futures_util::stream;

    use super::*;
    use crate::r2::Body;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// Returns the lines of a body that arrives in pieces of this size.
    fn lines(compressed: &[u8], piece: usize) -> Lines {
        let pieces: Vec<_> =
            compressed.chunks(piece).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        Lines::new(Body::from_stream(stream::iter(pieces), None).into_stream())
    }

    async fn all(mut lines: Lines) -> Result<Vec<Bytes>> {
        let mut all = Vec::new();
        while let Some(line) = lines.next().await? {
            all.push(line);
            assert_eq!(lines.number, all.len() as u64);
        }
        assert!(lines.next().await.unwrap().is_none(), "it stays at its end");
        Ok(all)
    }

    #[tokio::test]
    async fn lines_come_whole_whatever_the_pieces() {
        let text: Vec<_> = (0..5000).map(|n| format!("{n}{}", "x".repeat(n % 97))).collect();
        let compressed = gzip((text.join("\n") + "\n").as_bytes());
        for piece in [1, 7, 1000, compressed.len()] {
            assert_eq!(all(lines(&compressed, piece)).await.unwrap(), text, "pieces of {piece}");
        }
        assert!(all(lines(&gzip(b""), 3)).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn damage_anywhere_is_found() {
        let compressed = gzip(&b"0123456789abcdef\n".repeat(20));
        for length in 0..compressed.len() {
            let error = all(lines(&compressed[..length], 5)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Integrity, "cut off after {length} bytes");
        }
        // After the header, most of which is not checked.
        for at in 10..compressed.len() {
            let mut damaged = compressed.clone();
            damaged[at] ^= 1;
            let error = all(lines(&damaged, compressed.len())).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Integrity, "a bit of byte {at}");
        }
        let longer = [compressed.clone(), compressed].concat();
        for piece in [1, longer.len()] {
            let error = all(lines(&longer, piece)).await.unwrap_err();
            assert!(error.message().contains("after the compressed"), "{error}");
        }
        let error = all(lines(&gzip(b"a\nb"), 5)).await.unwrap_err();
        assert!(error.message().contains("cut off in line 2"), "{error}");
    }

    #[tokio::test]
    async fn a_bomb_takes_no_more_memory_than_a_line() {
        let bomb = gzip(&vec![b'x'; 64 * 1024 * 1024]);
        let mut lines = lines(&bomb, bomb.len());
        let error = lines.next().await.unwrap_err();
        assert!(error.message().contains("line 1 is longer than"), "{error}");
        assert!(lines.decoded.capacity() <= 2 * MAX_LINE_SIZE + 64 * 1024, "{}", lines.decoded.capacity());
        assert!(lines.decoder.get_ref().capacity() <= 64 * 1024);
    }
}
