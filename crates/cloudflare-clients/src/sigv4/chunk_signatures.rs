use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{Credentials, Scope, SigningKey, Timestamp};

/// The algorithm of a chunk's string to sign.
const CHUNK_ALGORITHM: &str = "AWS4-HMAC-SHA256-PAYLOAD";

/// The [signatures of a body's chunks](https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html).
/// Each covers the signature before it, and the first covers the signature of the request's headers.
///
/// R2 does not accept such bodies. A test server does, for clients that sign this way over plain HTTP.
pub struct ChunkSignatures {
    key: SigningKey,
    /// The string to sign up to the signature of the previous chunk.
    head: String,
    last: String,
}

impl ChunkSignatures {
    /// Creates the signatures of a request that is signed at this time, in this scope, with this signature.
    pub fn new(
        credentials: &Credentials,
        timestamp: &Timestamp,
        scope: Scope<'_>,
        signature: impl Into<String>,
    ) -> Self {
        Self {
            key: SigningKey::derive(credentials.secret_access_key(), scope),
            head: format!("{CHUNK_ALGORITHM}\n{}\n{scope}\n", timestamp.as_str()),
            last: signature.into(),
        }
    }

    /// The signature of the next chunk: 64 lower-case hex digits. `sha256` is the hash of its bytes.
    pub fn sign(&mut self, sha256: [u8; 32]) -> &str {
        let (head, last) = (&self.head, &self.last);
        let (empty, hash) = (hex::encode(Sha256::digest(b"")), hex::encode(sha256));
        self.last = self.key.sign(&format!("{head}{last}\n{empty}\n{hash}"));
        &self.last
    }

    /// Whether the next chunk has this signature, compared in constant time. After a mismatch, later results
    /// are meaningless.
    pub fn verify(&mut self, sha256: [u8; 32], signature: &str) -> bool {
        self.sign(sha256).as_bytes().ct_eq(signature.as_bytes()).into()
    }
}

impl fmt::Debug for ChunkSignatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkSignatures").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Method};

    use super::*;
    use crate::sigv4::{CanonicalHeaders, Payload, Signer, canonical_request};

    /// From AWS's page: 65 KiB in chunks of 64 KiB, 1 KiB and 0 bytes.
    #[test]
    fn aws_example() {
        let credentials =
            Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        let signer = Signer::new(credentials.clone()).with_region("us-east-1");
        let timestamp = Timestamp::parse("20130524T000000Z").unwrap();
        let payload = Payload::SignedChunks.as_str();
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-encoding", "aws-chunked"),
            ("content-length", "66824"),
            ("x-amz-content-sha256", &payload),
            ("x-amz-date", timestamp.as_str()),
            ("x-amz-decoded-content-length", "66560"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ] {
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
        let headers = CanonicalHeaders::to_sign("s3.amazonaws.com", &headers, |_| true).unwrap();
        let path = "/examplebucket/chunkObject.txt";
        let request = canonical_request(&Method::PUT, path, "", &headers, &payload);
        let seed = signer.signature(&timestamp, &request);
        assert_eq!(seed, "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");

        let chunks = || {
            let scope = signer.scope(&timestamp);
            ChunkSignatures::new(&credentials, &timestamp, scope, &seed)
        };
        let (mut signed, mut verified) = (chunks(), chunks());
        for (length, signature) in [
            (65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
            (1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
            (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
        ] {
            let sha256 = Sha256::digest(vec![b'a'; length]).into();
            assert_eq!(signed.sign(sha256), signature, "{length}");
            assert!(verified.verify(sha256, signature), "{length}");
        }
        assert!(!chunks().verify(Sha256::digest(b"other").into(), &"0".repeat(64)));
    }
}
