//! Encryption with customer-provided keys (SSE-C).

use cloudflare_clients::r2::{Checksum, ChecksumAlgorithm, MIN_PART_SIZE, SseCustomerKey};
use cloudflare_clients::{Error, ErrorKind};
use testkit::content;

use super::Fixture;
use super::listing::whole;

fn key(byte: u8) -> SseCustomerKey {
    SseCustomerKey::from_bytes([byte; 32])
}

fn md5_of_key(byte: u8) -> String {
    key(byte).md5().to_hex()
}

/// Whether a read was rejected because the right key is missing: the client can fix its request.
fn is_refused(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Forbidden)
}

pub(crate) async fn what_is_encrypted_is_read_with_its_key(
    Fixture { service, simulated, short_pages, .. }: Fixture,
) {
    if simulated {
        return;
    }
    service.put("ssec/plain", "plain").await.unwrap();
    for (name, size) in [("ssec/small", 1000), ("ssec/large", 600_000)] {
        let bytes = content(size, 1);
        let stored = service.put(name, bytes.clone()).ssec_key(key(1)).content_type("a/b").await.unwrap();
        assert_eq!((stored.size, &stored.ssec_key_md5), (Some(size as u64), &Some(md5_of_key(1))));
        assert_ne!(stored.etag, Checksum::of(ChecksumAlgorithm::Md5, &bytes).to_hex());

        let object = service.get(name).ssec_key(key(1)).await.unwrap().unwrap();
        assert_eq!((&object.etag, &object.ssec_key_md5), (&stored.etag, &Some(md5_of_key(1))));
        assert_eq!((object.size, object.content_type()), (size as u64, Some("a/b")));
        assert!(object.bytes().await.unwrap() == bytes);
        let head = service.head(name).ssec_key(key(1)).await.unwrap().unwrap();
        assert_eq!((head.size, head.ssec_key_md5), (size as u64, Some(md5_of_key(1))));
        let range = service.get(name).ssec_key(key(1)).range(500..900).bytes().await.unwrap().unwrap();
        assert!(range == bytes[500..900]);

        for wrong in [None, Some(key(2))] {
            let refused = service.get(name).ssec_key(wrong.clone()).await.unwrap_err();
            assert!(is_refused(&refused) && refused.attempts() == 1, "{refused:?}");
            let refused = service.head(name).ssec_key(wrong).await.unwrap_err();
            assert!(is_refused(&refused), "{refused:?}");
        }
    }
    let superfluous = service.get("ssec/plain").ssec_key(key(1)).await.unwrap_err();
    assert!(is_refused(&superfluous), "{superfluous:?}");
    assert!(service.get("ssec/missing").ssec_key(key(1)).await.unwrap().is_none());
    assert!(service.head("ssec/missing").ssec_key(key(1)).await.unwrap().is_none());

    // Neither a listing nor a delete needs a key.
    let listed = whole(service.list().prefix("ssec/"), short_pages).await.objects;
    assert_eq!(listed.len(), 3);
    service.delete("ssec/large").await.unwrap();
    assert!(service.head("ssec/large").ssec_key(key(1)).await.unwrap().is_none());
}

pub(crate) async fn parts_that_are_encrypted(Fixture { service, simulated, lacks, .. }: Fixture) {
    if simulated {
        return;
    }
    let first = content(usize::try_from(MIN_PART_SIZE).unwrap(), 1);
    let upload = service.create_multipart_upload("ssec/parts").ssec_key(key(1)).await.unwrap();
    let without = service.resume_multipart_upload("ssec/parts", upload.upload_id());
    for wrong in [without.clone(), without.clone().with_ssec_key(key(2))] {
        let refused = wrong.upload_part(1, "bytes").await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{refused:?}");
    }
    let parts =
        [upload.upload_part(1, first.clone()).await.unwrap(), upload.upload_part(2, "end").await.unwrap()];
    // Completing the upload needs no key.
    let stored = without.complete(parts).await.unwrap();
    let object = service.get("ssec/parts").ssec_key(key(1)).await.unwrap().unwrap();
    assert_eq!((&object.etag, object.size), (&stored.etag, MIN_PART_SIZE + 3));
    assert!(object.bytes().await.unwrap() == [&first[..], b"end"].concat());

    let plain = service.create_multipart_upload("ssec/plain parts").await.unwrap();
    let refused = plain.clone().with_ssec_key(key(1)).upload_part(1, "bytes").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{refused:?}");
    plain.abort().await.unwrap();
    if lacks.copy {
        return;
    }
    let upload = service.create_multipart_upload("ssec/copied part").ssec_key(key(2)).await.unwrap();
    let copy = upload.upload_part_copy(1, "ssec/parts").range(5..10);
    assert!(is_refused(&copy.clone().await.unwrap_err()));
    let part = copy.source_ssec_key(key(1)).await.unwrap();
    upload.complete([part]).await.unwrap();
    let copied = service.get("ssec/copied part").ssec_key(key(2)).bytes().await.unwrap().unwrap();
    assert!(copied == first[5..10]);
}

pub(crate) async fn copies_between_keys(Fixture { service, simulated, lacks, .. }: Fixture) {
    if simulated || lacks.copy {
        return;
    }
    service.put("ssec/a", "text").metadata("n", "v").ssec_key(key(1)).await.unwrap();
    service.put("ssec/b", "text").await.unwrap();
    let read = async |name: &str, by: Option<SseCustomerKey>| {
        let object = service.get(name).ssec_key(by).await.unwrap().unwrap();
        let metadata = object.metadata("n").map(str::to_owned);
        (object.text().await.unwrap(), metadata)
    };
    for (source, from) in [("ssec/a", Some(key(1))), ("ssec/b", None)] {
        for to in [None, Some(key(1)), Some(key(2))] {
            let copy = service.copy(source, "ssec/copy").source_ssec_key(from.clone()).ssec_key(to.clone());
            let copied = copy.await.unwrap();
            assert_eq!(copied.ssec_key_md5, to.as_ref().map(|key| key.md5().to_hex()));
            let metadata = (source == "ssec/a").then(|| "v".to_owned());
            assert_eq!(read("ssec/copy", to).await, ("text".to_owned(), metadata));
        }
    }
    let refused = service.copy("ssec/a", "ssec/copy").await.unwrap_err();
    assert!(is_refused(&refused), "{refused:?}");
    service.copy("ssec/a", "ssec/a").source_ssec_key(key(1)).ssec_key(key(3)).await.unwrap();
    assert!(is_refused(&service.get("ssec/a").ssec_key(key(1)).await.unwrap_err()));
    assert_eq!(read("ssec/a", Some(key(3))).await.0, "text");
}
