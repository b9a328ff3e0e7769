use bytes::Bytes;
use cloudflare_clients::ErrorKind;
use cloudflare_clients::r2::{
    Body, Checksum, ChecksumAlgorithm, CompositeChecksum, Conditional, Crc64Nvme, MIN_PART_SIZE, ServedRange,
    StorageClass, UploadState, UploadedPart,
};
use futures_util::TryStreamExt;
use testkit::{content, pieces};

use super::Fixture;
use super::objects::assert_of_another_length;

#[allow(clippy::cast_possible_truncation)]
const PART: usize = MIN_PART_SIZE as usize;

fn parts_etag(parts: &[Bytes]) -> String {
    let md5 = |bytes: &[u8]| Checksum::of(ChecksumAlgorithm::Md5, bytes);
    let joined: Vec<u8> = parts.iter().flat_map(|part| md5(part).as_bytes().to_vec()).collect();
    format!("{}-{}", md5(&joined).to_hex(), parts.len())
}

pub(crate) async fn parts_become_an_object(Fixture { service, .. }: Fixture) {
    let whole = content(2 * PART + 1000, 0);
    let parts = [whole.slice(..PART), whole.slice(PART..2 * PART), whole.slice(2 * PART..)];
    let upload =
        service.create_multipart_upload("parts").content_type("video/mp4").metadata("n", "v").await.unwrap();
    assert_eq!(upload.key(), "parts");
    assert!(service.head("parts").await.unwrap().is_none(), "an unfinished upload is not an object");

    // From another process, for example, and in any order.
    let resumed = service.resume_multipart_upload("parts", upload.upload_id());
    let third = resumed.upload_part(3, parts[2].clone()).await.unwrap();
    let second = upload.upload_part(2, parts[1].clone()).await.unwrap();
    let first = upload.upload_part(1, parts[0].clone()).await.unwrap();
    assert_eq!(upload.uploaded_here(), [first.clone(), second.clone()]);

    let stored = upload.complete([third, first, second]).await.unwrap();
    assert_eq!(stored.etag, parts_etag(&parts));
    let object = service.get("parts").await.unwrap().unwrap();
    assert_eq!((object.size, &object.etag), (whole.len() as u64, &stored.etag));
    assert_eq!((object.content_type(), object.metadata("n")), (Some("video/mp4"), Some("v")));
    assert!(object.bytes().await.unwrap() == whole);

    let border = PART as u64;
    let object = service.get("parts").range(border - 2..border + 2).await.unwrap().unwrap();
    assert_eq!(object.bytes().await.unwrap(), whole.slice(PART - 2..PART + 2));
}

pub(crate) async fn a_single_part(Fixture { service, .. }: Fixture) {
    for content in ["", "tiny"] {
        let upload = service.create_multipart_upload("single").await.unwrap();
        let part = upload.upload_part(7, content).await.unwrap();
        upload.complete([part]).await.unwrap();
        assert_eq!(service.get("single").await.unwrap().unwrap().text().await.unwrap(), content);
    }
}

pub(crate) async fn parts_are_replaced(Fixture { service, .. }: Fixture) {
    let upload = service.create_multipart_upload("replaced").await.unwrap();
    let old = upload.upload_part(1, "old").await.unwrap();
    let new = upload.upload_part(1, "new").await.unwrap();
    assert_eq!(upload.uploaded_here(), std::slice::from_ref(&new));
    let error = upload.complete([old]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    // As a browser reads it from the header of the answer.
    let mut new = new;
    new.etag = format!("\"{}\"", new.etag);
    let stored = upload.complete([new]).await.unwrap();
    assert_eq!(stored.size, Some(3));
    assert!(stored.uploaded.is_some(), "{stored:?}");
    assert_eq!(service.get("replaced").await.unwrap().unwrap().text().await.unwrap(), "new");
}

pub(crate) async fn parts_of_wrong_sizes(Fixture { service, .. }: Fixture) {
    let forget_size = |part: UploadedPart| UploadedPart::new(part.part_number, part.etag);
    for sizes in [[1000, 1000], [PART, PART + 1]] {
        let upload = service.create_multipart_upload("sizes").await.unwrap();
        let mut parts = Vec::new();
        for (size, number) in sizes.into_iter().zip(1..) {
            parts.push(upload.upload_part(number, content(size, 0)).await.unwrap());
        }
        for parts in [parts.clone(), parts.into_iter().map(forget_size).collect()] {
            let error = upload.complete(parts).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        }
        upload.abort().await.unwrap();
    }
    assert!(service.head("sizes").await.unwrap().is_none());
}

pub(crate) async fn parts_of_other_lengths_than_announced(Fixture { service, .. }: Fixture) {
    let upload = service.create_multipart_upload("announced").await.unwrap();
    for announced in [999, 1001] {
        let body = Body::from_stream(pieces(content(1000, 0)), Some(announced));
        let error = upload.upload_part(1, body).await.unwrap_err();
        assert_of_another_length(&error, 1000, announced);
    }
    upload.abort().await.unwrap();
}

pub(crate) async fn parts_that_were_not_uploaded(Fixture { service, .. }: Fixture) {
    let upload = service.create_multipart_upload("not-uploaded").await.unwrap();
    let part = upload.upload_part(1, "x").await.unwrap();
    let made_up = UploadedPart::new(2, &part.etag);
    let error = upload.complete([part, made_up]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
}

pub(crate) async fn uploads_that_are_gone(Fixture { service, .. }: Fixture) {
    let aborted = service.create_multipart_upload("gone").await.unwrap();
    let part = aborted.upload_part(1, "x").await.unwrap();
    aborted.abort().await.unwrap();
    aborted.abort().await.unwrap();

    let completed = service.create_multipart_upload("gone").await.unwrap();
    let only = completed.upload_part(1, "x").await.unwrap();
    completed.complete([only]).await.unwrap();

    for upload in [aborted, completed] {
        let errors = [
            upload.upload_part(1, "x").await.unwrap_err(),
            upload.complete([part.clone()]).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::NoSuchUpload, "{error}");
        }
    }
    assert_eq!(service.get("gone").await.unwrap().unwrap().text().await.unwrap(), "x");
}

pub(crate) async fn listing_parts_and_uploads(Fixture { service, lacks, .. }: Fixture) {
    let upload = service.create_multipart_upload("listed/b").await.unwrap();
    let other = service.create_multipart_upload("listed/a ä&").await.unwrap();
    let mut uploaded = Vec::new();
    for number in [1, 5, 3] {
        uploaded.push(upload.upload_part(number, format!("part {number}")).await.unwrap());
    }
    uploaded.sort_by_key(|part| part.part_number);
    if lacks.list_parts {
        assert_eq!(upload.list_parts().await.unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(service.list_multipart_uploads().await.unwrap_err().kind(), ErrorKind::Unsupported);
        return;
    }
    // Over S3 only a listing contains the time of a part.
    let forget_time = |mut part: UploadedPart| {
        part.uploaded = None;
        part
    };
    let uploaded_then = uploaded.clone();
    uploaded = uploaded.into_iter().map(forget_time).collect();
    let listed = upload.list_parts().await.unwrap();
    assert_eq!(listed.storage_class, Some(StorageClass::Standard));
    let listed = listed.parts;
    for (listed, then) in listed.iter().zip(uploaded_then) {
        assert!(listed.uploaded.is_some() && then.uploaded.is_none_or(|time| Some(time) == listed.uploaded));
    }
    assert_eq!(listed.into_iter().map(forget_time).collect::<Vec<_>>(), uploaded);
    for size in [1, 2, 1000] {
        let list = upload.list_parts().page_size(size).stream().map_ok(forget_time);
        assert_eq!(list.try_collect::<Vec<_>>().await.unwrap(), uploaded);
    }
    let later = upload.list_parts().after(1).page_size(1).await.unwrap();
    let truncated = later.truncated;
    let later: Vec<_> = later.parts.into_iter().map(forget_time).collect();
    assert_eq!((later, truncated), (uploaded[1..2].to_vec(), true));
    let pages: Vec<_> =
        service.list_multipart_uploads().prefix("listed/").page_size(1).pages().try_collect().await.unwrap();
    assert_eq!(pages.iter().map(|page| page.uploads.len()).sum::<usize>(), 2);
    for size in [1, 2, 1000] {
        let list = service.list_multipart_uploads().prefix("listed/").page_size(size);
        let uploads: Vec<_> = list.stream().try_collect().await.unwrap();
        let found: Vec<_> =
            uploads.iter().map(|found| (found.key.as_str(), found.upload_id.as_str())).collect();
        assert_eq!(found, [("listed/a ä&", other.upload_id()), ("listed/b", upload.upload_id())]);
    }
    other.abort().await.unwrap();
    upload.complete([uploaded.remove(0)]).await.unwrap();
    assert!(service.list_multipart_uploads().prefix("listed/").await.unwrap().uploads.is_empty());
    assert_eq!(upload.list_parts().await.unwrap_err().kind(), ErrorKind::NoSuchUpload);
}

pub(crate) async fn conditional_completes(Fixture { service, lacks, .. }: Fixture) {
    service.put("conditional", "old").await.unwrap();
    let create_only = || Conditional::new().etag_does_not_match("*");
    let upload = service.create_multipart_upload("conditional").await.unwrap();
    let part = upload.upload_part(1, "new").await.unwrap();
    let error = upload.complete([part.clone()]).only_if(create_only()).await.unwrap_err();
    if lacks.conditional_complete {
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        return;
    }
    assert_eq!(error.kind(), ErrorKind::PreconditionFailed, "{error}");
    assert_eq!(service.get("conditional").await.unwrap().unwrap().text().await.unwrap(), "old");
    let error = upload.complete([part]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSuchUpload, "a failed condition consumes the upload: {error}");

    service.delete("conditional").await.unwrap();
    let upload = service.create_multipart_upload("conditional").await.unwrap();
    let part = upload.upload_part(1, "new").await.unwrap();
    upload.complete([part]).only_if(create_only()).await.unwrap();
    assert_eq!(service.get("conditional").await.unwrap().unwrap().text().await.unwrap(), "new");
}

pub(crate) async fn the_crc64nvme_of_the_whole(Fixture { service, lacks, .. }: Fixture) {
    let create =
        || service.create_multipart_upload("proved").checksum_algorithm(ChecksumAlgorithm::Crc64Nvme);
    if lacks.multipart_checksums {
        assert_eq!(create().await.unwrap_err().kind(), ErrorKind::Unsupported);
        let upload = service.create_multipart_upload("proved").await.unwrap();
        let part = upload.upload_part(1, "x").await.unwrap();
        let complete = upload.complete([part]).checksum(Crc64Nvme::of(b"x").checksum());
        assert_eq!(complete.await.unwrap_err().kind(), ErrorKind::Unsupported);
        upload.abort().await.unwrap();
        return;
    }
    let whole = content(PART + 1000, 0);
    let pieces = [whole.slice(..PART), whole.slice(PART..)];
    let upload = create().await.unwrap();
    let mut parts = Vec::new();
    let mut crc = Crc64Nvme::new();
    for (piece, number) in pieces.iter().zip(1..) {
        let of_part = Crc64Nvme::of(piece);
        crc.append(of_part);
        let part = upload.upload_part(number, piece.clone()).checksum(of_part.checksum()).await.unwrap();
        assert_eq!(part.crc64nvme(), Some(of_part));
        parts.push(part);
    }
    if !lacks.list_parts {
        let listed = upload.list_parts().await.unwrap().parts;
        let of_listed: Option<Crc64Nvme> = listed.iter().map(UploadedPart::crc64nvme).collect();
        assert_eq!(of_listed, Some(crc));
    }
    let wrong = Crc64Nvme::of(b"wrong").checksum();
    let error = upload.complete(parts.clone()).checksum(wrong).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity, "{error}");
    let error = upload.complete(parts.clone()).checksum(Checksum::Md5([0; 16])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(service.head("proved").await.unwrap().is_none());

    let stored = upload.complete(parts).checksum(crc.checksum()).await.unwrap();
    assert_eq!(stored.checksums.get(ChecksumAlgorithm::Crc64Nvme), Some(&crc.checksum()));
    let head = service.head("proved").await.unwrap().unwrap();
    assert_eq!(head.checksums.get(ChecksumAlgorithm::Crc64Nvme), Some(&crc.checksum()));
    let object = service.get("proved").await.unwrap().unwrap();
    assert_eq!(object.checksums.get(ChecksumAlgorithm::Crc64Nvme), Some(&crc.checksum()));
    assert!(object.bytes().await.unwrap() == whole);
}

pub(crate) async fn composite_checksums(Fixture { service, lacks, .. }: Fixture) {
    if lacks.multipart_checksums {
        return;
    }
    let whole = content(PART + 1000, 0);
    let pieces = [whole.slice(..PART), whole.slice(PART..)];
    for algorithm in [
        ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Sha256,
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32c,
    ] {
        let upload = service.create_multipart_upload("composed").checksum_algorithm(algorithm).await.unwrap();
        let sums = pieces.each_ref().map(|piece| Checksum::of(algorithm, piece));
        // The checksum of bytes in memory is computed, unless it is given.
        let first = upload.upload_part(1, pieces[0].clone()).await.unwrap();
        let second = upload.upload_part(2, pieces[1].clone()).checksum(sums[1]).await.unwrap();
        let parts = [first, second];
        for (part, sum) in parts.iter().zip(&sums) {
            assert_eq!(part.checksums.get(algorithm), Some(sum));
        }
        let wrong = upload.upload_part(2, "wrong").checksum(sums[1]).await.unwrap_err();
        assert_eq!(wrong.kind(), ErrorKind::Integrity, "{wrong}");
        let other = Crc64Nvme::of(&pieces[1]).checksum();
        let other = upload.upload_part(2, pieces[1].clone()).checksum(other).await.unwrap_err();
        assert_eq!(other.kind(), ErrorKind::InvalidInput, "{other}");
        if !lacks.list_parts {
            let page = upload.list_parts().await.unwrap();
            assert_eq!(page.checksum_algorithm, Some(algorithm));
            for (part, sum) in page.parts.iter().zip(&sums) {
                assert_eq!(part.checksums.get(algorithm), Some(sum));
            }
            let uploads = service.list_multipart_uploads().prefix("composed").await.unwrap().uploads;
            assert_eq!(uploads[0].checksum_algorithm, Some(algorithm));
        }
        let composite = CompositeChecksum::of_parts(algorithm, sums).unwrap();
        let wrong = CompositeChecksum::new(sums[0], 2);
        let error = upload.complete(parts.clone()).checksum(wrong).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity, "{error}");
        let mut of_a_part = parts.clone();
        of_a_part[0].checksums.insert(sums[1]);
        let error = upload.complete(of_a_part).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");

        // From another process, for example.
        let resumed = service.resume_multipart_upload("composed", upload.upload_id());
        let resumed = resumed.with_checksum_algorithm(algorithm);
        let stored = resumed.complete(parts).checksum(composite).await.unwrap();
        assert_eq!(stored.checksums.kept(), Some(composite.into()));
        let head = service.head("composed").await.unwrap().unwrap();
        let object = service.get("composed").await.unwrap().unwrap();
        for checksums in [&head.checksums, &object.checksums] {
            assert_eq!((checksums.kept(), checksums.get(algorithm)), (Some(composite.into()), None));
        }
        assert!(object.bytes().await.unwrap() == whole);
    }
    for algorithm in [ChecksumAlgorithm::Md5, ChecksumAlgorithm::Sha384, ChecksumAlgorithm::Sha512] {
        let create = service.create_multipart_upload("composed").checksum_algorithm(algorithm);
        assert_eq!(create.await.unwrap_err().kind(), ErrorKind::Unsupported);
    }
}

pub(crate) async fn parts_of_an_object(Fixture { service, lacks, .. }: Fixture) {
    service.put("whole", "bytes").await.unwrap();
    if lacks.multipart_checksums {
        assert_eq!(service.head("whole").part_number(1).await.unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(service.get("whole").part_number(1).await.unwrap_err().kind(), ErrorKind::Unsupported);
        return;
    }
    let whole = content(PART + 1000, 0);
    let pieces = [whole.slice(..PART), whole.slice(PART..)];
    let upload = service
        .create_multipart_upload("of-parts")
        .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
        .await
        .unwrap();
    let mut parts = Vec::new();
    // The numbers of parts may have gaps, but not their positions.
    for (piece, number) in pieces.iter().zip([2, 5]) {
        parts.push(upload.upload_part(number, piece.clone()).await.unwrap());
    }
    upload.complete(parts).await.unwrap();
    let mut offset = 0;
    for (piece, number) in pieces.iter().zip(1..) {
        let served = Some(ServedRange::new(offset, piece.len() as u64));
        let head = service.head("of-parts").part_number(number).await.unwrap().unwrap();
        let got = service.get("of-parts").part_number(number).await.unwrap().unwrap();
        for object in [&head, &got.object] {
            assert_eq!((object.parts_count, object.range), (Some(2), served));
            assert_eq!((object.size, object.checksums.iter().count()), (whole.len() as u64, 0));
        }
        assert!(got.bytes().await.unwrap() == piece);
        offset += piece.len() as u64;
    }
    let whole = service.get("whole").part_number(1).await.unwrap().unwrap();
    assert_eq!((whole.parts_count, whole.range), (None, None));
    assert_eq!(whole.text().await.unwrap(), "bytes");
    for (key, number) in [("of-parts", 3), ("whole", 2)] {
        let errors = [
            service.head(key).part_number(number).await.unwrap_err(),
            service.get(key).part_number(number).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::RangeNotSatisfiable, "{error}");
        }
    }
    assert!(service.head("missing").part_number(1).await.unwrap().is_none());
    for error in [
        service.head("whole").part_number(0).await.unwrap_err(),
        service.get("whole").part_number(10_001).await.unwrap_err(),
        service.get("whole").part_number(1).range(0..1).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
}

pub(crate) async fn parts_that_are_copies(Fixture { service, other, lacks, .. }: Fixture) {
    let source = content(PART + 1000, 0);
    service.put("copied from ä", source.clone()).await.unwrap();
    let upload = service.create_multipart_upload("copied").await.unwrap();
    let copied = upload.upload_part_copy(1, "copied from ä").range(0..MIN_PART_SIZE).await;
    if lacks.copy {
        assert_eq!(copied.unwrap_err().kind(), ErrorKind::Unsupported);
        return;
    }
    let first = copied.unwrap();
    // An end after the source's end means the source's end.
    let second = upload.upload_part_copy(2, "copied from ä").range(MIN_PART_SIZE..u64::MAX).await.unwrap();
    let pieces = [source.slice(..PART), source.slice(PART..)];
    let stored = upload.complete([first, second]).await.unwrap();
    assert_eq!(stored.etag, parts_etag(&pieces));
    assert!(service.get("copied").await.unwrap().unwrap().bytes().await.unwrap() == source);

    let upload = service
        .create_multipart_upload("copied")
        .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
        .await
        .unwrap();
    let mut whole = upload.upload_part_copy(1, "copied from ä").await.unwrap();
    whole.size = Some(source.len() as u64);
    assert_eq!(whole.crc64nvme(), Some(Crc64Nvme::of(&source)));
    for (range, kind) in [
        (5..5, ErrorKind::InvalidInput),
        (MIN_PART_SIZE * 2..MIN_PART_SIZE * 3, ErrorKind::RangeNotSatisfiable),
    ] {
        let error = upload.upload_part_copy(2, "copied from ä").range(range).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
    let missing = upload.upload_part_copy(2, "missing").await.unwrap_err();
    assert_eq!((missing.kind(), missing.key()), (ErrorKind::NoSuchKey, Some("missing")), "{missing:?}");
    assert_eq!(missing.operation(), Some("upload_part_copy"));
    if let Some(other) = other {
        other.put("elsewhere", "tiny").await.unwrap();
        let bucket = other.bucket().address().unwrap().bucket;
        let tiny = upload.upload_part_copy(1, "elsewhere").source_bucket(bucket).await.unwrap();
        upload.complete([tiny]).await.unwrap();
        assert_eq!(service.get("copied").text().await.unwrap().as_deref(), Some("tiny"));
    }
    let gone = upload.upload_part_copy(1, "copied from ä").await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NoSuchUpload, "{gone:?}");
}

pub(crate) async fn uploads_that_many_requests_make(Fixture { service, lacks, .. }: Fixture) {
    let whole = content(3 * PART + 1000, 0);
    let begin =
        || service.resumable_upload("resumed").content_type("video/mp4").metadata("n", "v").part_size(PART);
    let stream = |bytes: Bytes| Body::from_stream(pieces(bytes), None);
    let mut upload = begin();
    upload.send(stream(whole.slice(..PART - 1))).await.unwrap();
    assert_eq!((upload.state(), upload.position()), (None, 0));
    // Two parts, and the start of a third one.
    upload.send(stream(whole.slice(PART - 1..2 * PART + 500))).await.unwrap();
    assert_eq!(upload.position(), 2 * MIN_PART_SIZE);
    let state = serde_json::to_string(upload.state().unwrap()).unwrap();
    drop(upload);

    let mut upload = service.resume_upload(serde_json::from_str(&state).unwrap());
    let mut kept = Vec::new();
    let position = usize::try_from(upload.position()).unwrap();
    let journal = |state: UploadState| {
        kept.push(state.position());
        std::future::ready(Ok(()))
    };
    upload.send_journaled(whole.slice(position..), journal).await.unwrap();
    assert_eq!(kept, [3 * MIN_PART_SIZE]);
    let stored = upload.complete().await.unwrap();
    let parts: Vec<_> = whole.chunks(PART).map(|part| whole.slice_ref(part)).collect();
    assert_eq!(stored.etag, parts_etag(&parts));
    let object = service.get("resumed").await.unwrap().unwrap();
    assert_eq!((object.content_type(), object.metadata("n")), (Some("video/mp4"), Some("v")));
    assert!(object.bytes().await.unwrap() == whole);

    // A client that lost the answer completes again, with the same bytes at the end.
    assert_eq!(upload.complete().await.unwrap().etag, stored.etag);
    let mut upload = begin();
    upload.send(whole.slice(..2 * PART)).await.unwrap();
    let stored = upload.complete().await.unwrap();
    assert_eq!(upload.complete().await.unwrap().etag, stored.etag);
    assert_eq!(stored.etag, parts_etag(&parts[..2]));

    for bytes in ["", "tiny"] {
        let mut upload = begin();
        upload.send(bytes).await.unwrap();
        assert_eq!(upload.complete().await.unwrap().size, Some(bytes.len() as u64));
        let object = service.get("resumed").await.unwrap().unwrap();
        assert_eq!((object.content_type(), object.metadata("n")), (Some("video/mp4"), Some("v")));
        assert_eq!(object.text().await.unwrap(), bytes);
    }
    let mut upload = begin();
    upload.send(whole.slice(..PART)).await.unwrap();
    upload.abort().await.unwrap();
    if !lacks.list_parts {
        assert!(service.list_multipart_uploads().await.unwrap().uploads.is_empty());
    }
    assert!(upload.complete().await.is_err());
    let small = service.resumable_upload("resumed").part_size(PART - 1).send("x").await.unwrap_err();
    assert_eq!(small.kind(), ErrorKind::InvalidInput, "{small:?}");
}
