//! Checks that a request has the key that an object or upload is encrypted with. The errors are those that
//! AWS documents; R2's are only known for keys that an object does not need.

use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::error_code::{ACCESS_DENIED, INVALID_REQUEST};
use crate::r2::{Checksum, SseCustomerKey};

/// Fails to read an encrypted object without its key or with another key. `md5` is that of its key, if it has
/// one.
pub(super) fn check_read(md5: Option<&str>, given: Option<&SseCustomerKey>) -> Result<()> {
    match (md5, given) {
        (None, None) => Ok(()),
        (Some(_), None) => Err(refused(
            "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to \
             retrieve the object.",
        )),
        (None, Some(_)) => Err(refused("The encryption parameters are not applicable to this object.")),
        (Some(md5), Some(given)) if given.md5().to_hex() == md5 => Ok(()),
        (Some(_), Some(_)) => Err(Error::new(
            ErrorKind::Forbidden,
            "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key.",
        )
        .with_code(ACCESS_DENIED.name)),
    }
}

/// Rejects a part without the key of its upload, or with another key.
pub(super) fn check_part(md5: Option<&Checksum>, given: Option<&SseCustomerKey>) -> Result<()> {
    match (md5, given) {
        (None, None) => Ok(()),
        (Some(_), None) => Err(refused(
            "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate \
             encryption parameters.",
        )),
        (None, Some(_)) => Err(refused(
            "The multipart upload initiate did not request encryption. Please resend the request without sending encryption \
             parameters.",
        )),
        (Some(md5), Some(given)) if given.md5() == *md5 => Ok(()),
        (Some(_), Some(_)) => {
            Err(refused("The provided encryption parameters did not match the ones used originally."))
        }
    }
}

fn refused(message: &str) -> Error {
    Error::invalid_input(message).with_code(INVALID_REQUEST.name)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use bytes::Bytes;
    use rusqlite::Connection;

    use super::*;
    use crate::error::ErrorKind;
    use crate::r2::{
        Bucket as _, ChecksumAlgorithm, Checksums, CompleteMultipartUploadRequest, CopyRequest, Crc64Nvme,
        CreateMultipartUploadRequest, GetRequest, HeadRequest, ListPartsRequest, ListRequest, Object,
        PutRequest, Range, StoredObject, UploadPartCopyRequest, UploadPartRequest, UploadedPart,
    };
    use crate::store::LocalBucket;
    use crate::store::block_checksums::{BLOCK, BlockHasher};
    use crate::store::encryption::CHUNK;
    use crate::store::testing::{bucket, files, flip, only_blob, pattern};
    use crate::store::writer::Write;

    const MIB: usize = 1024 * 1024;
    const MARKER: &[u8] = b"attack at dawn, or rather later";

    fn key(byte: u8) -> SseCustomerKey {
        SseCustomerKey::from_bytes([byte; 32])
    }

    async fn put(bucket: &LocalBucket, name: &str, bytes: Vec<u8>, by: &SseCustomerKey) -> StoredObject {
        let put = PutRequest { ssec_key: Some(by.clone()), ..PutRequest::new(name, bytes) };
        bucket.put(put).await.unwrap()
    }

    async fn get(bucket: &LocalBucket, name: &str, by: Option<&SseCustomerKey>) -> Result<Bytes> {
        let get = GetRequest { ssec_key: by.cloned(), ..GetRequest::new(name) };
        bucket.get(get).await?.unwrap().body.bytes().await
    }

    async fn head(bucket: &LocalBucket, name: &str, by: Option<&SseCustomerKey>) -> Result<Option<Object>> {
        bucket.head(HeadRequest { ssec_key: by.cloned(), ..HeadRequest::new(name) }).await
    }

    async fn begin(bucket: &LocalBucket, name: &str, by: Option<&SseCustomerKey>) -> String {
        let create = CreateMultipartUploadRequest {
            ssec_key: by.cloned(),
            checksum_algorithm: Some(ChecksumAlgorithm::Crc64Nvme),
            ..CreateMultipartUploadRequest::new(name)
        };
        bucket.create_multipart_upload(create).await.unwrap().upload_id
    }

    async fn part(
        bucket: &LocalBucket,
        (name, id): (&str, &str),
        number: u16,
        bytes: Vec<u8>,
        by: Option<&SseCustomerKey>,
    ) -> Result<UploadedPart> {
        let part = UploadPartRequest::new(name, id, number, bytes);
        bucket.upload_part(UploadPartRequest { ssec_key: by.cloned(), ..part }).await
    }

    /// Uploads these parts under numbers with gaps.
    async fn put_parts(
        bucket: &LocalBucket,
        name: &str,
        parts: &[Vec<u8>],
        by: Option<&SseCustomerKey>,
    ) -> StoredObject {
        let id = begin(bucket, name, by).await;
        let mut uploaded = Vec::new();
        for (bytes, number) in parts.iter().zip((3..).step_by(4)) {
            uploaded.push(part(bucket, (name, &id), number, bytes.clone(), by).await.unwrap());
        }
        let complete = CompleteMultipartUploadRequest::new(name, id, uploaded);
        bucket.complete_multipart_upload(complete).await.unwrap()
    }

    fn refused<T: std::fmt::Debug>(result: Result<T>) -> (ErrorKind, String, String) {
        let error = result.unwrap_err();
        (error.kind(), error.code().unwrap_or_default().to_owned(), error.message().to_owned())
    }

    /// The content of all files of a store.
    fn stored_bytes(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push((path.clone(), std::fs::read(path).unwrap()));
                }
            }
        }
        found
    }

    #[tokio::test]
    async fn neither_the_plain_text_nor_the_key_is_in_the_files() {
        let (folder, bucket) = bucket().await;
        let secret = SseCustomerKey::from_bytes(std::array::from_fn(|i| u8::try_from(7 * i % 251).unwrap()));
        let text = |length: usize| MARKER.repeat(length.div_ceil(MARKER.len()))[..length].to_vec();
        put(&bucket, "small", text(1000), &secret).await;
        put(&bucket, "large", text(3 * BLOCK), &secret).await;
        put_parts(&bucket, "parts", &[text(5 * MIB), text(1000)], Some(&secret)).await;
        let id = begin(&bucket, "begun", Some(&secret)).await;
        part(&bucket, ("begun", &id), 1, text(100_000), Some(&secret)).await.unwrap();
        for (name, to) in [("large", key(2)), ("parts", secret.clone())] {
            let copy = CopyRequest::new(name, format!("copy of {name}"));
            let copy = CopyRequest { source_ssec_key: Some(secret.clone()), ssec_key: Some(to), ..copy };
            bucket.copy(copy).await.unwrap();
        }
        let shown = [hex::encode(secret.expose()), secret.to_base64().to_string()];
        let secrets = [&MARKER[..16], &secret.expose()[..8], shown[0].as_bytes(), shown[1].as_bytes()];
        let contains =
            |bytes: &[u8], secret: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
        let all = stored_bytes(folder.path());
        assert!(all.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > 10 * MIB);
        for (path, bytes) in &all {
            for secret in secrets {
                assert!(!contains(bytes, secret), "{} has {secret:?}", path.display());
            }
        }
        // The search finds data that is stored unencrypted.
        bucket.put(PutRequest::new("plain", text(100_000))).await.unwrap();
        let all = stored_bytes(folder.path());
        assert!(all.iter().any(|(_, bytes)| contains(bytes, secrets[0])));
    }

    #[tokio::test]
    async fn an_object_is_read_with_its_key_alone() {
        let (_folder, bucket) = bucket().await;
        bucket.put(PutRequest::new("plain", "text")).await.unwrap();
        for (name, size) in [("small", 1000), ("large", 300_000)] {
            let stored = put(&bucket, name, pattern(size), &key(1)).await;
            let md5 = key(1).md5().to_hex();
            assert_eq!((stored.size, stored.ssec_key_md5.as_ref()), (Some(size as u64), Some(&md5)));
            // An etag that is the MD5 of the plain text would confirm a guess.
            assert_ne!(stored.etag, Checksum::md5_of(&pattern(size)).to_hex());
            assert_eq!(stored.checksums, Checksums::default());
            let object = head(&bucket, name, Some(&key(1))).await.unwrap().unwrap();
            assert_eq!(
                (object.size, &object.etag, object.ssec_key_md5),
                (size as u64, &stored.etag, Some(md5))
            );
            assert!(get(&bucket, name, Some(&key(1))).await.unwrap() == pattern(size));

            let missing = refused(get(&bucket, name, None).await);
            assert_eq!((missing.0, missing.1.as_str()), (ErrorKind::InvalidInput, "InvalidRequest"));
            assert!(missing.2.starts_with("The object was stored using"), "{missing:?}");
            assert_eq!(refused(head(&bucket, name, None).await), missing);
            let wrong = refused(get(&bucket, name, Some(&key(2))).await);
            assert_eq!((wrong.0, wrong.1.as_str()), (ErrorKind::Forbidden, "AccessDenied"));
            assert_eq!(refused(head(&bucket, name, Some(&key(2))).await), wrong);
            for (given, expected) in [(None, &missing), (Some(key(2)), &wrong)] {
                let copy = CopyRequest { source_ssec_key: given, ..CopyRequest::new(name, "copy") };
                assert_eq!(&refused(bucket.copy(copy).await), expected);
            }
        }
        let superfluous = refused(get(&bucket, "plain", Some(&key(1))).await);
        assert_eq!((superfluous.0, superfluous.1.as_str()), (ErrorKind::InvalidInput, "InvalidRequest"));
        assert!(superfluous.2.contains("not applicable"), "{superfluous:?}");
        assert_eq!(refused(head(&bucket, "plain", Some(&key(1))).await), superfluous);
        let copy = CopyRequest { source_ssec_key: Some(key(1)), ..CopyRequest::new("plain", "copy") };
        assert_eq!(refused(bucket.copy(copy).await), superfluous);

        // Conditions, listings and deletes do not need the key.
        let listed = bucket.list(ListRequest::new()).await.unwrap().objects;
        assert_eq!(listed[0].key, "large");
        assert_eq!((listed[0].size, &listed[0].checksums), (300_000, &Checksums::default()));
        let known = bucket.head_without_key("large").await.unwrap().unwrap();
        bucket.delete_if("large", crate::r2::Conditional::new().etag_matches(known.etag)).await.unwrap();
        assert_eq!(files(bucket.store()).await, (0, 0));
    }

    #[tokio::test]
    async fn what_is_put_in_the_place_of_what_is_encrypted_is_refused() {
        for (size, forge) in [
            (1000, "UPDATE segments SET salt = NULL, checksums = NULL, size = size + 16, md5 = ?1"),
            (1000, "UPDATE segments SET salt = NULL, md5 = ?1"),
            (1000, "UPDATE segments SET size = 0, md5 = ?1; UPDATE objects SET size = 0"),
            (300_000, "UPDATE segments SET salt = NULL, checksums = NULL, size = size + 32, md5 = ?1"),
            (300_000, "UPDATE segments SET size = 0, checksums = NULL, md5 = ?1"),
            (0, "UPDATE segments SET salt = zeroblob(32), md5 = ?1"),
        ] {
            let (folder, bucket) = bucket().await;
            put(&bucket, "key", pattern(size), &key(1)).await;
            let stored: Vec<u8> = {
                let database = Connection::open(folder.path().join("store.sqlite3")).unwrap();
                let read = "SELECT bytes FROM segments";
                database.query_row(read, (), |row| Ok(row.get(0).unwrap_or_default())).unwrap()
            };
            let database = Connection::open(folder.path().join("store.sqlite3")).unwrap();
            for statement in forge.split("; ") {
                let md5 = Checksum::md5_of(&stored);
                let changed = if statement.contains("?1") {
                    database.execute(statement, (md5.as_bytes(),))
                } else {
                    database.execute(statement, ())
                };
                assert_eq!(changed.unwrap(), 1);
            }
            if forge.contains("size = 0") {
                database.execute("UPDATE objects SET size = 0", ()).unwrap();
            }
            let refused = get(&bucket, "key", Some(&key(1))).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Storage, "{forge}: {refused}");
        }
    }

    #[tokio::test]
    async fn checksums_are_of_the_plain_text() {
        let (_folder, bucket) = bucket().await;
        for size in [1000, 300_000] {
            for given in [Checksum::md5_of(&pattern(size)), Crc64Nvme::of(&pattern(size)).checksum()] {
                let request = |checksum| PutRequest {
                    checksum: Some(checksum),
                    ssec_key: Some(key(1)),
                    ..PutRequest::new("key", pattern(size))
                };
                let stored = bucket.put(request(given)).await.unwrap();
                let kept = Some(given).filter(|given| given.algorithm() == ChecksumAlgorithm::Crc64Nvme);
                assert_eq!(stored.checksums, kept.into_iter().collect());
                let wrong =
                    Checksum::from_bytes(given.algorithm(), &vec![0; given.as_bytes().len()]).unwrap();
                let error = refused(bucket.put(request(wrong)).await);
                assert_eq!((error.0, error.1.as_str()), (ErrorKind::Integrity, "BadDigest"));
                assert!(error.2.contains(&given.to_hex()), "{error:?}");
            }
        }
    }

    #[tokio::test]
    async fn ranges_at_the_borders_of_chunks() {
        let (_folder, bucket) = bucket().await;
        let (chunk, part) = (CHUNK as u64, 5 * MIB as u64);
        let whole = pattern(3 * CHUNK);
        put(&bucket, "key", whole.clone(), &key(1)).await;
        let parts = [pattern(5 * MIB), pattern(CHUNK + 1)];
        put_parts(&bucket, "parts", &parts, Some(&key(1))).await;
        let check = async |name: &str, expected: &[u8], range: std::ops::Range<u64>| {
            let mut get = GetRequest::new(name);
            (get.range, get.ssec_key) = (Some(Range::from(range.clone())), Some(key(1)));
            let found = bucket.get(get).await.unwrap().unwrap().body.bytes().await.unwrap();
            let [from, to] = [range.start, range.end].map(|at| usize::try_from(at).unwrap());
            assert!(found == expected[from..to], "{name} {range:?}");
        };
        for at in [0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk - 1, 2 * chunk, 3 * chunk - 1] {
            for end in [at + 1, at + 2, at + chunk, at + chunk + 1, 3 * chunk] {
                check("key", &whole, at..end.min(3 * chunk)).await;
            }
        }
        let joined = parts.concat();
        for at in [part - 1, part, part + 1, part + chunk - 1, part + chunk] {
            check("parts", &joined, at..part + chunk + 1).await;
            check("parts", &joined, at..at + 1).await;
        }
        check("parts", &joined, 0..part + chunk + 1).await;
    }

    #[tokio::test]
    async fn sizes_around_what_is_kept_in_the_database_and_empty_objects() {
        let (_folder, bucket) = bucket().await;
        for size in [0, 1, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, CHUNK, 2 * CHUNK, 2 * BLOCK] {
            put(&bucket, "key", pattern(size), &key(1)).await;
            assert!(get(&bucket, "key", Some(&key(1))).await.unwrap() == pattern(size), "{size}");
        }
        put_parts(&bucket, "key", &[Vec::new()], Some(&key(1))).await;
        assert!(get(&bucket, "key", Some(&key(1))).await.unwrap().is_empty());
    }

    /// Changes rows.
    async fn change(bucket: &LocalBucket, sql: &'static str, checksums: Vec<u8>) {
        let change = move |write: &Write<'_>| {
            write.execute(sql, (checksums,))?;
            Ok(())
        };
        bucket.store().shared().writer.write(Vec::new(), change).await.unwrap();
    }

    #[tokio::test]
    async fn a_flipped_byte_is_found_by_reads_and_by_the_scrub_without_a_key() {
        let (_folder, bucket) = bucket().await;
        put(&bucket, "key", pattern(2 * CHUNK + 1000), &key(1)).await;
        let file = only_blob(bucket.store());
        let size = std::fs::metadata(&file).unwrap().len();
        assert_eq!(size, 2 * BLOCK as u64 + 1016);
        assert_eq!(bucket.store().scrub(|_, _| {}).await.unwrap().damaged, []);
        for at in [0, CHUNK, 2 * BLOCK - 1, usize::try_from(size).unwrap() - 1] {
            flip(&file, at);
            let error = get(&bucket, "key", Some(&key(1))).await.unwrap_err();
            assert_eq!((error.kind(), error.key()), (ErrorKind::Storage, Some("key")));
            assert!(error.message().contains("is damaged"), "{error}");
            let damaged = bucket.store().scrub(|_, _| {}).await.unwrap().damaged;
            assert_eq!((damaged.len(), &damaged[0].file), (1, &file));
            for to in [key(1), key(2)] {
                let copy = CopyRequest::new("key", "copy");
                let copy = CopyRequest { source_ssec_key: Some(key(1)), ssec_key: Some(to), ..copy };
                assert!(bucket.copy(copy).await.unwrap_err().message().contains("is damaged"));
            }
            flip(&file, at);
        }
        assert!(get(&bucket, "key", Some(&key(1))).await.is_ok());
        assert_eq!(files(bucket.store()).await, (1, 0));
    }

    #[tokio::test]
    async fn whoever_writes_to_the_files_and_the_rows_has_no_key() {
        let (_folder, bucket) = bucket().await;
        put(&bucket, "key", pattern(3 * CHUNK), &key(1)).await;
        let file = only_blob(bucket.store());
        let sealed = std::fs::read(&file).unwrap();
        let swapped = [&sealed[BLOCK..2 * BLOCK], &sealed[..BLOCK], &sealed[2 * BLOCK..]].concat();
        let mut flipped = sealed.clone();
        flipped[5] ^= 1;
        let twice = [&sealed[..BLOCK], &sealed[..BLOCK], &sealed[2 * BLOCK..]].concat();
        for forged in [swapped, flipped, twice] {
            std::fs::write(&file, &forged).unwrap();
            let mut checksums = BlockHasher::new();
            checksums.update(&forged);
            change(&bucket, "UPDATE segments SET checksums = ?1", checksums.finish()).await;
            // Without the key, the object looks undamaged.
            assert_eq!(bucket.store().scrub(|_, _| {}).await.unwrap().damaged, []);
            let error = get(&bucket, "key", Some(&key(1))).await.unwrap_err();
            assert!(error.message().contains("is damaged"), "{error}");
        }
        // Cut off after a chunk.
        std::fs::write(&file, &sealed[..2 * BLOCK]).unwrap();
        let mut checksums = BlockHasher::new();
        checksums.update(&sealed[..2 * BLOCK]);
        change(&bucket, "UPDATE segments SET checksums = ?1, size = 2 * 262128", checksums.finish()).await;
        change(&bucket, "UPDATE objects SET size = length(?1) * 0 + 2 * 262128", Vec::new()).await;
        assert_eq!(bucket.store().scrub(|_, _| {}).await.unwrap().damaged, []);
        let error = get(&bucket, "key", Some(&key(1))).await.unwrap_err();
        assert!(error.message().contains("is damaged"), "{error}");
        // The bytes of one object in place of another one's.
        for name in ["key", "other"] {
            put(&bucket, name, pattern(1000), &key(1)).await;
        }
        change(
            &bucket,
            "UPDATE segments SET (bytes, checksums) = (SELECT bytes, checksums FROM segments \
             ORDER BY id DESC LIMIT 1) WHERE ?1 IS NOT NULL",
            Vec::new(),
        )
        .await;
        assert!(get(&bucket, "key", Some(&key(1))).await.unwrap_err().message().contains("is damaged"));
        assert!(get(&bucket, "other", Some(&key(1))).await.unwrap() == pattern(1000));
    }

    #[tokio::test]
    async fn parts_come_with_the_key_of_their_upload() {
        let (_folder, bucket) = bucket().await;
        let id = begin(&bucket, "key", Some(&key(1))).await;
        let upload = ("key", id.as_str());
        let full = part(&bucket, upload, 1, pattern(5 * MIB), Some(&key(1))).await.unwrap();
        let last = part(&bucket, upload, 2, pattern(10), Some(&key(1))).await.unwrap();
        assert_eq!(last.crc64nvme(), Some(Crc64Nvme::of(&pattern(10))));
        for (given, words) in
            [(None, "Subsequent part requests must include"), (Some(key(2)), "did not match the ones used")]
        {
            let error = refused(part(&bucket, upload, 3, pattern(10), given.as_ref()).await);
            assert_eq!((error.0, error.1.as_str()), (ErrorKind::InvalidInput, "InvalidRequest"));
            assert!(error.2.contains(words), "{error:?}");
        }
        let plain = begin(&bucket, "plain", None).await;
        let error = refused(part(&bucket, ("plain", &plain), 1, pattern(10), Some(&key(1))).await);
        assert!(error.1 == "InvalidRequest" && error.2.contains("did not request encryption"), "{error:?}");

        let parts = vec![full.clone(), last.clone()];
        let listed = bucket.list_parts(ListPartsRequest::new("key", &id)).await.unwrap().parts;
        assert_eq!(listed, parts);
        let whole = [pattern(5 * MIB), pattern(10)].concat();
        let mut complete = CompleteMultipartUploadRequest::new("key", &id, parts);
        complete.checksum = Some(Crc64Nvme::of(&whole).checksum().into());
        complete.ssec_key = Some(key(2));
        assert_eq!(refused(bucket.complete_multipart_upload(complete.clone()).await).1, "InvalidRequest");
        complete.ssec_key = None;
        let stored = bucket.complete_multipart_upload(complete).await.unwrap();
        assert!(stored.etag.ends_with("-2"));
        assert_eq!(stored.checksums, [Crc64Nvme::of(&whole).checksum()].into_iter().collect());
        assert_eq!(stored.ssec_key_md5, Some(key(1).md5().to_hex()));
        assert!(get(&bucket, "key", Some(&key(1))).await.unwrap() == whole);
        assert!(get(&bucket, "key", None).await.is_err());
        let plain_crcs = |connection: &rusqlite::Connection| {
            let count = "SELECT count(plain_crc64nvme) + count(checksum) FROM segments";
            Ok(connection.query_row(count, (), |row| row.get::<_, i64>(0))?)
        };
        assert_eq!(bucket.store().shared().readers.read(plain_crcs).await.unwrap(), 0);

        // A single part, and a copy under its own key.
        let second = GetRequest { part_number: Some(2), ssec_key: Some(key(1)), ..GetRequest::new("key") };
        let second = bucket.get(second).await.unwrap().unwrap().body.bytes().await.unwrap();
        assert!(second == pattern(10));
        let id = begin(&bucket, "copy", Some(&key(2))).await;
        let mut copied = UploadPartCopyRequest::new("key", "copy", &id, 1);
        copied.range = Some(CHUNK as u64 - 1..CHUNK as u64 + 1);
        copied.ssec_key = Some(key(2));
        assert!(refused(bucket.upload_part_copy(copied.clone()).await).2.contains("was stored using"));
        copied.source_ssec_key = Some(key(1));
        let part = bucket.upload_part_copy(copied).await.unwrap();
        let complete = CompleteMultipartUploadRequest::new("copy", id, vec![part]);
        bucket.complete_multipart_upload(complete).await.unwrap();
        assert!(get(&bucket, "copy", Some(&key(2))).await.unwrap() == whole[CHUNK - 1..=CHUNK]);
    }

    #[tokio::test]
    async fn copies_share_files_under_the_same_key_alone() {
        let (_folder, bucket) = bucket().await;
        let whole = pattern(5 * MIB + 10);
        let single = put(&bucket, "single", pattern(300_000), &key(1)).await;
        let parts = [pattern(5 * MIB), whole[5 * MIB..].to_vec()];
        let parts = put_parts(&bucket, "parts", &parts, Some(&key(1))).await;
        bucket.put(PutRequest::new("plain", pattern(300_001))).await.unwrap();
        let blobs = |bucket: &LocalBucket| {
            let files = std::fs::read_dir(bucket.store().path().join("blobs")).unwrap();
            let mut files: Vec<_> = files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
            let all = files.len();
            files.sort();
            files.dedup();
            (all, files.len())
        };
        let (all, distinct) = blobs(&bucket);
        assert_eq!(all, distinct);
        for (name, stored, bytes, from) in [
            ("single", single, pattern(300_000), Some(key(1))),
            ("parts", parts, [pattern(5 * MIB), whole[5 * MIB..].to_vec()].concat(), Some(key(1))),
            ("plain", head(&bucket, "plain", None).await.unwrap().unwrap().into(), pattern(300_001), None),
        ] {
            for to in [None, Some(key(1)), Some(key(2))] {
                let (_, before) = blobs(&bucket);
                let copy = CopyRequest::new(name, "copy");
                let copy = CopyRequest { source_ssec_key: from.clone(), ssec_key: to.clone(), ..copy };
                let copied = bucket.copy(copy).await.unwrap();
                let (_, after) = blobs(&bucket);
                let is_shared = from == to;
                assert_eq!(copied.etag == stored.etag, is_shared, "{name} {to:?}");
                assert_eq!(after == before, is_shared, "{name} {to:?}");
                assert_eq!(copied.etag.contains('-'), stored.etag.contains('-'));
                assert_eq!(copied.ssec_key_md5, to.as_ref().map(|key| key.md5().to_hex()));
                assert!(get(&bucket, "copy", to.as_ref()).await.unwrap() == bytes);
                if to.is_none() && !copied.etag.contains('-') {
                    assert_eq!(copied.etag, Checksum::md5_of(&bytes).to_hex());
                }
                bucket.delete(crate::r2::DeleteRequest::new("copy")).await.unwrap();
                files(bucket.store()).await;
            }
        }
        // Copied to itself, under another key.
        let mut copy = CopyRequest::new("parts", "parts");
        (copy.source_ssec_key, copy.ssec_key) = (Some(key(1)), Some(key(3)));
        let copied = bucket.copy(copy).await.unwrap();
        assert!(copied.etag.ends_with("-2"));
        assert!(get(&bucket, "parts", Some(&key(1))).await.is_err());
        assert_eq!(get(&bucket, "parts", Some(&key(3))).await.unwrap().len(), 5 * MIB + 10);
        let second = GetRequest { part_number: Some(2), ssec_key: Some(key(3)), ..GetRequest::new("parts") };
        assert_eq!(bucket.get(second).await.unwrap().unwrap().object.range.unwrap().length, 10);
        assert_eq!(files(bucket.store()).await.0, all);
    }
}
