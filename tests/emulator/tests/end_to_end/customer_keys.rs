//! Encryption with customer keys in all transfers: over the wire, and in the embedded store.

use cloudflare_clients::ErrorKind;
use cloudflare_clients::r2::{Crc64Nvme, MIN_PART_SIZE, R2Service, SseCustomerKey};
use cloudflare_clients::transfer::Verified;
use testkit::{LocalServer, Log, content, pieces};
use tokio::io::AsyncReadExt as _;

fn key(byte: u8) -> SseCustomerKey {
    SseCustomerKey::from_bytes([byte; 32])
}

fn md5_of_key(byte: u8) -> String {
    key(byte).md5().to_hex()
}

#[tokio::test]
async fn transfers_over_the_wire() {
    let server = LocalServer::start().await;
    transfers(R2Service::new(server.bucket("media"))).await;
}

#[tokio::test]
async fn transfers_in_the_store() {
    let server = LocalServer::start().await;
    transfers(R2Service::new(server.store.bucket("media").unwrap())).await;
}

async fn transfers(service: R2Service) {
    let keyed = service.clone().with_ssec_key(key(1));
    let bytes = content(7 << 20, 1);
    let folder = tempfile::tempdir().unwrap();
    keyed
        .put("stream", cloudflare_clients::r2::Body::from_stream(pieces(bytes.clone()), None))
        .await
        .unwrap();
    let (file, back) = (folder.path().join("file"), folder.path().join("back"));
    std::fs::write(&file, &bytes).unwrap();
    let uploaded = keyed.upload(&file, "file").part_size(MIN_PART_SIZE).await.unwrap();
    assert_eq!(uploaded.stored.ssec_key_md5, Some(md5_of_key(1)));
    let crc = Crc64Nvme::of(&bytes).checksum();
    assert_eq!(uploaded.verified, Verified::Crc64);
    assert_eq!(uploaded.stored.checksums, [crc].into_iter().collect());
    let downloaded = keyed.download("file", &back).range_size(MIN_PART_SIZE).await.unwrap().unwrap();
    assert_eq!(downloaded.verified, Verified::Crc64);
    assert!(std::fs::read(&back).unwrap() == bytes);
    assert!(keyed.get("stream").bytes().await.unwrap().unwrap() == bytes);
    let refused = service.download("file", &back).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{refused:?}");

    let mut reader = keyed.reader("file").open().await.unwrap().unwrap();
    let mut read = Vec::new();
    reader.read_to_end(&mut read).await.unwrap();
    assert!(read == bytes);
    assert_eq!(reader.verified(), Some(Verified::Crc64));
    let uploaded = keyed.upload_reader(&b"a few bytes"[..], "few").await.unwrap();
    assert_eq!((uploaded.stored.ssec_key_md5, uploaded.verified), (Some(md5_of_key(1)), Verified::Crc64));

    // What has no CRC-64 is not verified by its etag, which has the form of an MD5.
    keyed.put("small", "bytes").await.unwrap();
    let downloaded = keyed.download("small", &back).await.unwrap().unwrap();
    assert_eq!((std::fs::read(&back).unwrap(), downloaded.object.size), (b"bytes".to_vec(), 5));
    copies(&service, &keyed, &bytes).await;
    trees(&keyed, &folder.path().join("tree")).await;
}

async fn copies(service: &R2Service, keyed: &R2Service, bytes: &[u8]) {
    let read = async |by: u8| {
        let object = service.get("copy").ssec_key(key(by)).await.unwrap().unwrap();
        object.bytes().await.unwrap()
    };
    keyed.copy_object("file", "copy").await.unwrap();
    assert!(read(1).await == bytes);
    let other = service.clone().with_ssec_key(key(2));
    let copied = keyed.copy_object("file", "copy").to_bucket(&other).await.unwrap();
    assert_eq!((copied.stored.ssec_key_md5, copied.verified), (Some(md5_of_key(2)), Verified::Crc64));
    assert!(read(2).await == bytes);
    let in_parts = service.copy_object("copy", "copy").source_ssec_key(key(2)).ssec_key(key(3));
    in_parts.whole_up_to(MIN_PART_SIZE).part_size(MIN_PART_SIZE).await.unwrap();
    assert!(read(3).await == bytes);
    let plain = service.copy_object("copy", "decrypted").source_ssec_key(key(3)).ssec_key(None);
    assert_eq!(plain.await.unwrap().stored.ssec_key_md5, None);
    assert!(service.get("decrypted").bytes().await.unwrap().unwrap() == bytes);
}

async fn trees(keyed: &R2Service, folder: &std::path::Path) {
    std::fs::create_dir(folder).unwrap();
    std::fs::write(folder.join("a"), "one").unwrap();
    let there = keyed.upload_dir(folder, "tree/").await.unwrap();
    assert_eq!((there.transferred, there.failed), (1, 0));
    let again = keyed.upload_dir(folder, "tree/").await.unwrap();
    assert_eq!((again.transferred, again.unchanged), (0, 1));
    let back = folder.join("../tree back");
    let there = keyed.download_dir("tree/", &back).await.unwrap();
    assert_eq!((there.transferred, there.failed), (1, 0));
    assert_eq!(std::fs::read(back.join("a")).unwrap(), b"one");
}

#[tokio::test]
async fn the_key_is_not_logged() {
    let (log, _guard) = Log::keep();
    let server = LocalServer::start().await;
    let service = R2Service::new(server.bucket("media")).with_ssec_key(key(b'k'));
    service.put("a", "text").await.unwrap();
    service.get("a").bytes().await.unwrap();
    let wrong = service.get("a").ssec_key(key(2)).await.unwrap_err();
    assert_eq!((wrong.kind(), wrong.code()), (ErrorKind::Forbidden, Some("AccessDenied")));
    let shown = format!("{}{wrong:?}{:?}", log.text(), service.put("b", "x"));
    assert!(log.text().contains("PutObject") || log.text().contains("put"), "it logs requests");
    for secret in ["kkkkkkkk", "a2tra2tr", &"6b".repeat(8)] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
