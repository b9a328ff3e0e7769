use std::borrow::Cow;

use sha2::{Digest, Sha256};

/// The last line of a canonical request and the value of `x-amz-content-sha256`: what the signature covers of
/// the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Payload {
    /// `UNSIGNED-PAYLOAD`: the signature does not cover the body. For presigned URLs and streams.
    Unsigned,
    /// There is no body.
    Empty,
    /// The SHA-256 of the body, which the service compares.
    Sha256([u8; 32]),
    /// The body consists of chunks with separate signatures: [`ChunkSignatures`](super::ChunkSignatures). R2
    /// does not accept such bodies.
    SignedChunks,
}

const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
const SIGNED_CHUNKS: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

impl Payload {
    /// Hashes a body in memory.
    pub fn of(body: &[u8]) -> Self {
        if body.is_empty() { Self::Empty } else { Self::Sha256(Sha256::digest(body).into()) }
    }

    /// Reads a value of `x-amz-content-sha256`. `None` for anything except `UNSIGNED-PAYLOAD`,
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD` and 64 lower-case hex digits.
    pub fn parse(value: &str) -> Option<Self> {
        match value {
            UNSIGNED => Some(Self::Unsigned),
            SIGNED_CHUNKS => Some(Self::SignedChunks),
            EMPTY_SHA256 => Some(Self::Empty),
            _ => {
                let mut sha256 = [0; 32];
                hex::decode_to_slice(value, &mut sha256).ok()?;
                (!value.contains(|c: char| c.is_ascii_uppercase())).then_some(Self::Sha256(sha256))
            }
        }
    }

    /// The SHA-256 that the body must have. `None` if the signature does not cover the body, or covers it in
    /// chunks.
    pub fn sha256(&self) -> Option<[u8; 32]> {
        match self {
            Self::Unsigned | Self::SignedChunks => None,
            Self::Empty => Some(Sha256::digest(b"").into()),
            Self::Sha256(sha256) => Some(*sha256),
        }
    }

    /// The value as it is sent and signed.
    pub fn as_str(&self) -> Cow<'static, str> {
        match self {
            Self::Unsigned => UNSIGNED.into(),
            Self::SignedChunks => SIGNED_CHUNKS.into(),
            Self::Empty => EMPTY_SHA256.into(),
            Self::Sha256(sha256) => hex::encode(sha256).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_what_is_read() {
        for payload in [Payload::Unsigned, Payload::of(b""), Payload::of(b"body"), Payload::SignedChunks] {
            assert_eq!(Payload::parse(&payload.as_str()), Some(payload));
        }
        assert_eq!(hex::encode(Sha256::digest(b"")), EMPTY_SHA256);
        assert_eq!(Payload::Empty.sha256(), Some(Sha256::digest(b"").into()));
        assert_eq!(Payload::of(b"body").sha256(), Some(Sha256::digest(b"body").into()));
        assert_eq!(Payload::Unsigned.sha256(), None);
        assert_eq!(Payload::parse(&EMPTY_SHA256.to_uppercase()), None);
        assert_eq!(Payload::parse("STREAMING-UNSIGNED-PAYLOAD-TRAILER"), None);
    }
}
