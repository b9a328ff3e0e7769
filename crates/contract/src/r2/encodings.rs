//! Objects with a `Content-Encoding`.

use std::io::Write as _;

use cloudflare_clients::ErrorKind;
use cloudflare_clients::r2::{ObjectBody, R2Service};
use flate2::Compression;
use flate2::write::GzEncoder;
use testkit::content;

use super::Fixture;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn stored(service: &R2Service, encoding: &str, bytes: &[u8]) -> ObjectBody {
    service.put("encoded", bytes).content_encoding(encoding).await.unwrap();
    service.get("encoded").await.unwrap().unwrap()
}

pub(crate) async fn what_is_stored_as_gzip_is_decoded(Fixture { service, .. }: Fixture) {
    let lines = "#EXTINF:6,\nsegment.ts\n".repeat(100_000);
    for bytes in [&b""[..], b"#EXTM3U\n", lines.as_bytes(), &content(3_000_000, 0)] {
        let encoded = gzip(bytes);
        for encoding in ["gzip", "x-gzip", "GZIP"] {
            let object = stored(&service, encoding, &encoded).await;
            assert_eq!(object.size, encoded.len() as u64);
            assert!(
                object.decoded().unwrap().bytes().await.unwrap() == bytes,
                "{} bytes differ",
                bytes.len()
            );
        }
        // A get returns the stored bytes.
        assert!(service.get("encoded").bytes().await.unwrap().unwrap() == encoded);
    }
    for encoding in ["identity", ""] {
        let mut put = service.put("encoded", "hello");
        if !encoding.is_empty() {
            put = put.content_encoding(encoding);
        }
        put.await.unwrap();
        let object = service.get("encoded").range(1..4).await.unwrap().unwrap();
        assert_eq!(object.decoded().unwrap().text().await.unwrap(), "ell");
    }
}

pub(crate) async fn what_gzip_expands_to_is_limited(Fixture { service, .. }: Fixture) {
    let bomb = gzip(&vec![0; 64 * 1024 * 1024]);
    let object = stored(&service, "gzip", &bomb).await;
    let error = object.decoded().unwrap().limit(100_000).bytes().await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidInput, Some("EntityTooLarge")), "{error}");
}

pub(crate) async fn what_cannot_be_decoded(Fixture { service, .. }: Fixture) {
    let encoded = gzip(b"0123456789");
    for encoding in ["br", "gzip, gzip", "deflate"] {
        let error = stored(&service, encoding, &encoded).await.decoded().unwrap_err();
        assert_eq!((error.kind(), error.key()), (ErrorKind::Serialization, Some("encoded")));
        assert!(error.message().contains(&format!("{encoding:?}")), "{error}");
    }
    let mut damaged = encoded.clone();
    damaged[encoded.len() - 6] ^= 1;
    let twice = [&encoded[..], &encoded].concat();
    for wrong in [b"", &encoded[..5], &encoded[..encoded.len() - 1], &damaged, &twice, b"#EXTM3U\n"] {
        let object = stored(&service, "gzip", wrong).await;
        let error = object.decoded().unwrap().text().await.unwrap_err();
        let said = (error.kind(), error.key(), error.http_status().as_u16());
        assert_eq!(said, (ErrorKind::Serialization, Some("encoded"), 500), "{error}");
    }
    stored(&service, "gzip", &encoded).await;
    let range = service.get("encoded").range(0..5).await.unwrap().unwrap();
    assert_eq!(range.decoded().unwrap_err().kind(), ErrorKind::InvalidInput);
}
