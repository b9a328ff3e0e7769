//! Decodes gzip as it arrives.

use std::io::{self, Write as _};
use std::mem;

use bytes::{Buf as _, Bytes};
use flate2::write::GzDecoder;
use futures_util::stream::{self, Stream, TryStreamExt as _};

use super::not_gzip::not_gzip;
use super::stream::ByteStream;
use crate::error::{Error, Result};

/// Decodes a stream of gzip. However much it expands, this holds one of its pieces and the 32 KiB that the
/// decoder returns at a time.
pub(super) fn gunzip(stream: ByteStream) -> impl Stream<Item = Result<Bytes>> + Send {
    let gunzip = Gunzip { stream: Some(stream), piece: Bytes::new(), decoder: GzDecoder::new(Vec::new()) };
    stream::try_unfold(
        gunzip,
        |mut gunzip| async move { Ok(gunzip.next().await?.map(|bytes| (bytes, gunzip))) },
    )
}

struct Gunzip {
    /// `None` after the end.
    stream: Option<ByteStream>,
    /// Received bytes that are not decoded yet.
    piece: Bytes,
    decoder: GzDecoder<Vec<u8>>,
}

impl Gunzip {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        while let Some(stream) = &mut self.stream {
            if self.piece.is_empty() {
                if let Some(piece) = stream.try_next().await? {
                    self.piece = piece;
                } else {
                    self.stream = None;
                    self.decoder.try_finish().map_err(failed)?;
                }
            } else {
                // One write decodes at most as much as the decoder's buffer holds.
                let taken = self.decoder.write(&self.piece).map_err(failed)?;
                if taken == 0 {
                    return Err(not_gzip("there are bytes after its end"));
                }
                self.piece.advance(taken);
            }
            let decoded = mem::take(self.decoder.get_mut());
            if !decoded.is_empty() {
                return Ok(Some(decoded.into()));
            }
        }
        Ok(None)
    }
}

fn failed(error: io::Error) -> Error {
    not_gzip(&error).with_source(error)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use bytes::Bytes;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use futures_util::{TryStreamExt as _, stream};

    use crate::body::Body;
    use crate::error::ErrorKind;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn in_pieces(bytes: &[u8], size: usize) -> Body {
        let pieces: Vec<_> = bytes.chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        Body::from_stream(stream::iter(pieces), Some(bytes.len() as u64))
    }

    #[tokio::test]
    async fn gzip_is_decoded_however_it_arrives() {
        let content: Vec<u8> = (0..200_000_u32).flat_map(|number| (number / 7).to_le_bytes()).collect();
        for text in [&content[..], b"", b"x"] {
            let encoded = gzip(text);
            for size in [1, 7, 4096, usize::MAX] {
                let body = in_pieces(&encoded, size).gunzipped();
                assert_eq!(body.content_length(), None);
                assert_eq!(body.bytes().await.unwrap(), text);
            }
            assert_eq!(Body::from(encoded).gunzipped().bytes().await.unwrap(), text);
        }
    }

    #[tokio::test]
    async fn what_is_not_gzip_is_an_error_and_the_end() {
        let encoded = gzip(b"0123456789");
        let mut damaged = encoded.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        let two = [&encoded[..], &encoded].concat();
        let cut = |length: usize| encoded[..length].to_vec();
        let wrong = [vec![], cut(1), cut(12), cut(encoded.len() - 1), damaged, two, b"#EXTM3U\n".to_vec()];
        for wrong in wrong {
            for size in [1, usize::MAX] {
                let error = in_pieces(&wrong, size).gunzipped().bytes().await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Serialization, "{wrong:?}: {error}");
                assert!(error.message().starts_with("the body is not complete gzip: "), "{error}");
            }
        }
    }

    #[tokio::test]
    async fn a_bomb_ends_at_the_limit() {
        let bomb = gzip(&vec![0; 64 * 1024 * 1024]);
        let error = Body::from(bomb.clone()).gunzipped().limit(1000).text().await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidInput, Some("EntityTooLarge")));
        let mut stream = Body::from(bomb).gunzipped().into_stream();
        let mut decoded = 0;
        while let Some(piece) = stream.try_next().await.unwrap() {
            assert!(piece.len() <= 32 * 1024);
            decoded += piece.len();
        }
        assert_eq!(decoded, 64 * 1024 * 1024);
    }
}
