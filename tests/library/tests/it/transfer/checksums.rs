//! Uploads that request a checksum of their object.

use super::*;

const ALGORITHMS: [ChecksumAlgorithm; 5] = [
    ChecksumAlgorithm::Crc64Nvme,
    ChecksumAlgorithm::Crc32,
    ChecksumAlgorithm::Crc32c,
    ChecksumAlgorithm::Sha1,
    ChecksumAlgorithm::Sha256,
];

/// R2's checksum of these bytes in parts.
fn of_parts(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> ObjectChecksum {
    if algorithm == ChecksumAlgorithm::Crc64Nvme {
        return Checksum::of(algorithm, bytes).into();
    }
    let parts = bytes.chunks(usize::try_from(PART).unwrap()).map(|part| Checksum::of(algorithm, part));
    CompositeChecksum::of_parts(algorithm, parts).unwrap().into()
}

#[tokio::test]
async fn the_service_keeps_the_checksum_that_is_asked_for() {
    for fixture in Fixture::both().await {
        let service = fixture.service();
        let unverified = service.clone().with_verification(false);
        for algorithm in ALGORITHMS {
            let proof =
                if algorithm == ChecksumAlgorithm::Crc64Nvme { Verified::Crc64 } else { Verified::Checksum };
            let whole = Checksum::of(algorithm, &fixture.bytes).into();
            for (service, proof) in [(&service, proof), (&unverified, Verified::LengthOnly)] {
                for (part_size, kept) in [(PART, of_parts(algorithm, &fixture.bytes)), (PART * 3, whole)] {
                    let upload = fixture.upload(service).part_size(part_size).checksum_algorithm(algorithm);
                    let uploaded = upload.await.unwrap();
                    assert_eq!(uploaded.verified, proof, "{algorithm}");
                    assert_eq!(uploaded.stored.checksums.kept(), Some(kept), "{algorithm}");
                    fixture.assert_stored().await;
                    let head = service.head("k").await.unwrap().unwrap();
                    assert_eq!(head.checksums.kept(), Some(kept), "{algorithm}");
                }
            }
            // A composite checksum does not cover ranges: the etags of the parts verify the download.
            let downloaded = service.download("k", fixture.path("out")).await.unwrap().unwrap();
            assert_ne!(downloaded.verified, Verified::LengthOnly, "{algorithm}");
        }
        for algorithm in [ChecksumAlgorithm::Md5, ChecksumAlgorithm::Sha512] {
            let error = fixture.upload(&service).checksum_algorithm(algorithm).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
        }
    }
}

#[tokio::test]
async fn an_interrupted_upload_goes_on_with_the_checksum_that_it_was_begun_with() {
    for fixture in Fixture::both().await {
        for journal_lags in [false, true] {
            let algorithm = ChecksumAlgorithm::Sha256;
            let mock = fixture.mock();
            mock.complete_multipart_upload.fails(Error::new(ErrorKind::Forbidden, "not now"));
            let upload = |service: &R2Service| fixture.upload(service).checksum_algorithm(algorithm);
            upload(&R2Service::new(mock)).await.unwrap_err();
            if journal_lags {
                // As if it had been killed before it recorded the last part.
                let journal = fs::read_dir(fixture.path("journals")).unwrap().next().unwrap().unwrap();
                let text = fs::read_to_string(journal.path()).unwrap();
                let lines: Vec<_> = text.split_inclusive('\n').collect();
                fs::write(journal.path(), lines[..lines.len() - 1].concat()).unwrap();
            }
            let mock = Arc::new(fixture.mock());
            let uploaded = upload(&R2Service::new(Arc::clone(&mock))).await.unwrap();
            assert_eq!((mock.upload_part.calls(), uploaded.resumed_bytes), (0, SIZE as u64));
            assert_eq!(uploaded.verified, Verified::Checksum);
            assert_eq!(uploaded.stored.checksums.kept(), Some(of_parts(algorithm, &fixture.bytes)));
            fixture.assert_stored().await;

            // Another checksum makes it a different upload.
            let mock = fixture.mock();
            mock.complete_multipart_upload.fails(Error::new(ErrorKind::Forbidden, "not now"));
            upload(&R2Service::new(mock)).await.unwrap_err();
            let uploaded = fixture.upload(&fixture.service()).await.unwrap();
            assert_eq!((uploaded.restarted, uploaded.verified), (true, Verified::Crc64));
            fixture.assert_stored().await;
        }
    }
}

/// A service that creates an object from other parts than were sent.
#[tokio::test]
async fn a_composite_checksum_of_other_parts_is_refused() {
    let fixture = Fixture::s3().await;
    let mock = fixture.mock();
    mock.complete_multipart_upload.answers(|request| async move {
        let mut stored = StoredObject::new(request.key, "etag");
        let other = Checksum::of(ChecksumAlgorithm::Sha1, b"other");
        stored.checksums.set_composite(CompositeChecksum::new(other, 3));
        Ok(stored)
    });
    let upload = fixture.upload(&R2Service::new(mock)).checksum_algorithm(ChecksumAlgorithm::Sha1);
    let error = upload.await.unwrap_err();
    assert_eq!(
        (error.kind(), error.operation()),
        (ErrorKind::Integrity, Some("complete_multipart_upload")),
        "{error}"
    );
}
