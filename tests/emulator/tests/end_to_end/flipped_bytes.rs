//! One byte that is flipped in transit.

use cloudflare_clients::ErrorKind;
use cloudflare_clients::r2::{ChecksumAlgorithm, Crc64Nvme};
use futures_util::TryStreamExt;
use testkit::{Fault, Kind, content};

use crate::operations::{self, Operation, read};
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_downloads_are_fetched_again() {
    let world = World::start().await;
    for name in ["get_bytes", "get_text", "get_file"] {
        let operation = Operation::named(name);
        operation.run(&world, &[Fault::FlipDownload]).await.unwrap();
        assert_eq!(world.proxy.calls(Kind::Get), 2, "{name}");
        // Wrong twice means that the stored bytes are wrong.
        let error = operation.run(&world, &[Fault::FlipDownload; 3]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity, "{name}");
        assert_eq!(world.proxy.calls(Kind::Get), 2, "{name}");
    }
}

/// The etag says nothing about the bytes, but the CRC-64 does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_downloads_of_objects_in_parts_are_noticed() {
    let world = World::start().await;
    let bytes = content(6 * 1024 * 1024, 1);
    let upload = world
        .r2
        .create_multipart_upload("parts")
        .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
        .await
        .unwrap();
    let border = 5 * 1024 * 1024;
    let parts = [
        upload.upload_part(1, bytes.slice(..border)).await.unwrap(),
        upload.upload_part(2, bytes.slice(border..)).await.unwrap(),
    ];
    upload.complete(parts).checksum(Crc64Nvme::of(&bytes).checksum()).await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("parts");
    for flips in [1, 2] {
        for to_file in [true, false] {
            (0..flips).for_each(|_| world.proxy.order(Kind::Get, Fault::FlipDownload));
            let object = world.r2.get("parts").await.unwrap().unwrap();
            let read = if to_file {
                object.write_to_file(&path).await.map(|_| std::fs::read(&path).unwrap().into())
            } else {
                object.bytes().await
            };
            match read {
                Ok(read) => assert!(flips == 1 && read == bytes, "{to_file}"),
                Err(error) => assert_eq!((flips, error.kind()), (2, ErrorKind::Integrity), "{to_file}"),
            }
        }
    }
}

/// The caller already has the wrong byte, and learns about it before the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_stream_ends_in_an_error() {
    let world = World::start().await;
    let bytes = content(1_000_000, 1);
    world.stored.put("stream", bytes.clone()).await.unwrap();
    world.proxy.order(Kind::Get, Fault::FlipDownload);
    let mut stream = world.r2.get("stream").await.unwrap().unwrap().into_stream();
    let mut done = 0;
    let error = loop {
        match stream.try_next().await {
            Ok(piece) => done += piece.expect("an error at the end").len(),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert!(done < bytes.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_uploads_are_sent_again() {
    let world = World::start().await;
    for operation in operations::ALL {
        let has_document = matches!(operation.kind, Kind::DeleteMany | Kind::Complete);
        if !operation.has_upload() && !has_document {
            continue;
        }
        let result = operation.run(&world, &[Fault::FlipUpload]).await;
        if operation.sends_stream() {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::BodyNotReplayable);
            continue;
        }
        result.unwrap_or_else(|error| panic!("{}: {error}", operation.name));
        assert_eq!(world.proxy.calls(operation.kind), 2, "{}", operation.name);
    }
}

/// The service gets the hash of bytes in memory before it stores them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_bytes_are_not_stored() {
    let world = World::start().await;
    let error = Operation::named("put_bytes").run(&world, &[Fault::FlipUpload; 2]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert_eq!(read(&world.stored, "put/bytes").await.unwrap(), "before");
}
