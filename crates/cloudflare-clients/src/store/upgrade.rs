//! Opens, upgrades and uses a store of each version of the format that was ever written. A README next to the
//! fixtures says how they were created.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;
use tempfile::TempDir;

use super::database::VERSIONS;
use super::testing::{Clock, bytes, files, pattern, value};
use super::{LocalBucket, LocalNamespace, LocalStore};
use crate::error::{ErrorKind, Result};
use crate::kv::{self, Namespace as _};
use crate::r2::{
    AbortMultipartUploadRequest, Bucket as _, Checksum, ChecksumAlgorithm, CompleteMultipartUploadRequest,
    CompositeChecksum, CopyRequest, Crc64Nvme, CreateMultipartUploadRequest, CustomMetadata, GetRequest,
    HeadRequest, HttpMetadata, LifecyclePolicy, LifecycleRule, ListMultipartUploadsRequest, ListPartsRequest,
    ListRequest, PutRequest, ServedRange, SseCustomerKey, StorageClass, UploadPartRequest,
};
use crate::runtime::Runtime as _;

/// Size of the objects and values that are files in the fixtures, in bytes.
const LARGE: usize = 5000;

fn http() -> HttpMetadata {
    HttpMetadata {
        content_type: Some("text/plain".into()),
        content_language: Some("de".into()),
        content_disposition: Some("inline".into()),
        content_encoding: Some("identity".into()),
        cache_control: Some("no-store".into()),
        cache_expiry: Some(UNIX_EPOCH + Duration::from_secs(1_900_000_000)),
    }
}

fn custom() -> CustomMetadata {
    [("uploadedBy", "größe ☃")].into_iter().collect()
}

/// Encrypted objects and their sizes.
const SEALED: [(&str, usize); 3] = [("sealed", 10), ("sealed empty", 0), ("sealed large", LARGE)];

fn customer_key() -> SseCustomerKey {
    SseCustomerKey::from_bytes([8; 32])
}

/// 2100-01-01.
fn expiration() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(4_102_444_800)
}

async fn open(folder: &Path) -> LocalStore {
    LocalStore::open_with_runtime(folder, Clock::new()).await.unwrap()
}

fn version(folder: &Path) -> usize {
    let database = Connection::open(folder.join("store.sqlite3")).unwrap();
    database.query_row("PRAGMA user_version", (), |row| row.get(0)).unwrap()
}

/// A copy of the fixture of a version.
pub(super) fn fixture(version: usize) -> TempDir {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/store-v{version}"));
    assert!(
        fixture.join("store.sqlite3").exists(),
        "the version {version} of the format has no fixture: see tests/fixtures/README.md"
    );
    let copy = tempfile::tempdir().unwrap();
    for (path, contents) in contents(&fixture) {
        let to = copy.path().join(path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, contents).unwrap();
    }
    copy
}

/// The database and the files in `blobs/`, with their content.
pub(super) fn contents(store: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let blobs = fs::read_dir(store.join("blobs")).unwrap().map(|entry| entry.unwrap().path());
    let paths = blobs.chain([store.join("store.sqlite3")]);
    paths.map(|path| (path.strip_prefix(store).unwrap().to_owned(), fs::read(&path).unwrap())).collect()
}

async fn begin_upload(media: &LocalBucket, key: &str) -> String {
    let request = CreateMultipartUploadRequest {
        http_metadata: http(),
        custom_metadata: custom(),
        ..CreateMultipartUploadRequest::new(key)
    };
    media.create_multipart_upload(request).await.unwrap().upload_id
}

fn part(key: &str, upload_id: &str, part_number: u16, size: usize) -> UploadPartRequest {
    let (key, upload_id) = (key.to_owned(), upload_id.to_owned());
    UploadPartRequest {
        key,
        upload_id,
        part_number,
        body: pattern(size).into(),
        checksum: None,
        ssec_key: None,
    }
}

/// The CORS rules, the location and the storage class of a bucket.
type Settings = (Option<String>, Option<String>, String);

/// The settings of the bucket `media` in version 6.
fn settings() -> Settings {
    let cors = r#"{"CORSRules":[{"AllowedOrigins":["https://app.example.com"],"AllowedMethods":["GET"]}]}"#;
    (Some(cors.to_owned()), Some("weur".to_owned()), "InfrequentAccess".to_owned())
}

/// Writes the content of the fixtures into a new store. Add here what future versions add.
async fn fill(folder: &Path, store: &LocalStore) {
    for name in ["media", "other"] {
        store.create_bucket(name).await.unwrap();
    }
    let media = store.bucket("media").unwrap();
    let small = PutRequest {
        http_metadata: http(),
        custom_metadata: custom(),
        storage_class: Some(StorageClass::InfrequentAccess),
        checksum: Some(Checksum::of(ChecksumAlgorithm::Sha256, b"hello")),
        ..PutRequest::new("small", "hello")
    };
    media.put(small).await.unwrap();
    let large = PutRequest {
        custom_metadata: custom(),
        checksum: Some(Checksum::of(ChecksumAlgorithm::Sha1, &pattern(LARGE))),
        ..PutRequest::new("large", pattern(LARGE))
    };
    media.put(large).await.unwrap();
    media.put(PutRequest::new("cafe\u{301}", "decomposed")).await.unwrap();
    let copy = CopyRequest::new("large", "copy");
    media.copy(copy).await.unwrap();
    for key in ["parts", "unfinished"] {
        let upload_id = begin_upload(&media, key).await;
        let mut parts = Vec::new();
        for (part_number, size) in [(1, LARGE), (2, 10)] {
            parts.push(media.upload_part(part(key, &upload_id, part_number, size)).await.unwrap());
        }
        if key == "parts" {
            let key = key.to_owned();
            let complete = CompleteMultipartUploadRequest::new(key, upload_id, parts);
            media.complete_multipart_upload(complete).await.unwrap();
        }
    }
    let other = store.bucket("other").unwrap();
    other.put(PutRequest::new("small", "another")).await.unwrap();
    other.put(PutRequest::new("empty", "")).await.unwrap();

    // Since version 2.
    let sessions = LocalNamespace::open_in(store, "sessions").await.unwrap();
    sessions.put(kv::PutRequest::new("small", "value").metadata(&[1, 2]).unwrap()).await.unwrap();
    sessions.put(kv::PutRequest::new("large", pattern(LARGE)).expiration(expiration())).await.unwrap();
    store.create_namespace("empty").await.unwrap();

    // Since version 4.
    let upload_id = begin_upload(&media, "aborted").await;
    abort(&media, "aborted", &upload_id).await.unwrap();

    // Since version 5.
    let mut create = CreateMultipartUploadRequest::new("proved");
    create.checksum_algorithm = Some(ChecksumAlgorithm::Crc64Nvme);
    let upload_id = media.create_multipart_upload(create).await.unwrap().upload_id;
    let proved = media.upload_part(part("proved", &upload_id, 3, LARGE)).await.unwrap();
    let complete = CompleteMultipartUploadRequest::new("proved", upload_id, vec![proved]);
    media.complete_multipart_upload(complete).await.unwrap();

    // Since version 7.
    for (bucket, key) in [(&media, "summed"), (&other, "unfinished")] {
        let mut create = CreateMultipartUploadRequest::new(key);
        create.checksum_algorithm = Some(ChecksumAlgorithm::Sha256);
        let upload_id = bucket.create_multipart_upload(create).await.unwrap().upload_id;
        let part = bucket.upload_part(part(key, &upload_id, 2, 10)).await.unwrap();
        if key == "summed" {
            let complete = CompleteMultipartUploadRequest::new(key, upload_id, vec![part]);
            bucket.complete_multipart_upload(complete).await.unwrap();
        }
    }

    // Since version 8.
    for (name, size) in SEALED {
        let put = PutRequest::new(name, pattern(size));
        media.put(PutRequest { ssec_key: Some(customer_key()), ..put }).await.unwrap();
    }
    let mut create = CreateMultipartUploadRequest::new("sealed parts");
    create.ssec_key = Some(customer_key());
    let upload_id = media.create_multipart_upload(create).await.unwrap().upload_id;
    let sealed = part("sealed parts", &upload_id, 2, LARGE);
    let sealed = UploadPartRequest { ssec_key: Some(customer_key()), ..sealed };
    let sealed = media.upload_part(sealed).await.unwrap();
    let complete = CompleteMultipartUploadRequest::new("sealed parts", upload_id, vec![sealed]);
    media.complete_multipart_upload(complete).await.unwrap();

    // Since version 6.
    let database = Connection::open(folder.join("store.sqlite3")).unwrap();
    let set = "UPDATE buckets SET cors = ?1, location = ?2, storage_class = ?3 WHERE name = 'media'";
    assert_eq!(database.execute(set, settings()).unwrap(), 1);

    // Since version 9.
    media.put_lifecycle(lifecycle()).await.unwrap();
    store.apply_lifecycle().await.unwrap();
}

/// The policy of the bucket `media` since version 9, part of which was applied.
pub(super) fn lifecycle() -> LifecyclePolicy {
    let day = Duration::from_secs(24 * 3600);
    LifecyclePolicy::new([
        LifecycleRule::new("logs").prefix("logs/").delete_objects(day),
        LifecycleRule::new("cold").prefix("cold/").move_to_infrequent_access(Duration::ZERO),
    ])
}

/// Objects that are old enough are deleted, including those that an older version stored.
async fn check_lifecycle(store: &LocalStore, clock: &Clock, written: usize) {
    let [media, other] = ["media", "other"].map(|name| store.bucket(name).unwrap());
    let policy = media.lifecycle().await.unwrap();
    let expected = if written >= 9 { lifecycle() } else { LifecyclePolicy::of_new_bucket() };
    assert_eq!(policy, Some(expected));
    let week = LifecycleRule::new("week").delete_objects(Duration::from_secs(7 * 24 * 3600));
    other.put_lifecycle(LifecyclePolicy::new([week])).await.unwrap();
    clock.advance(Duration::from_secs(7 * 24 * 3600));
    // The third object is from the upload that version 7 left unfinished.
    let objects = if written >= 7 { 3 } else { 2 };
    assert_eq!(store.apply_lifecycle().await.unwrap().deleted, objects);
    assert!(other.list(ListRequest::default()).await.unwrap().objects.is_empty());
}

/// Objects that are encrypted with a customer's key, since version 8.
pub(super) async fn check_sealed(media: &LocalBucket) {
    for (name, size) in SEALED.into_iter().chain([("sealed parts", LARGE)]) {
        let mut get = GetRequest::new(name);
        assert_eq!(media.get(get.clone()).await.unwrap_err().code(), Some("InvalidRequest"));
        get.ssec_key = Some(customer_key());
        let found = media.get(get).await.unwrap().unwrap();
        assert_eq!(found.object.ssec_key_md5, Some(customer_key().md5().to_hex()));
        assert!(found.body.bytes().await.unwrap() == pattern(size));
    }
}

/// Settings that buckets have since version 6, and not before.
async fn check_settings(folder: &Path, store: &LocalStore, written: usize) {
    let policy = store.bucket("media").unwrap().cors().await.unwrap();
    let origins = policy.map(|policy| policy.rules[0].allowed_origins.clone());
    assert_eq!(origins, (written >= 6).then(|| vec!["https://app.example.com".to_owned()]));
    let database = Connection::open(folder.join("store.sqlite3")).unwrap();
    let told = |name: &str| -> Settings {
        let query = "SELECT cors, location, storage_class FROM buckets WHERE name = ?1";
        database.query_row(query, (name,), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap()
    };
    let untold = (None, None, "Standard".to_owned());
    assert_eq!(told("media"), if written >= 6 { settings() } else { untold.clone() });
    assert_eq!(told("other"), untold);
}

pub(super) async fn check_objects(store: &LocalStore) {
    let buckets: Vec<_> = store.buckets().await.unwrap();
    let made = Clock::new().now();
    let names = buckets.iter().map(|info| (info.name.as_str(), info.created));
    assert!(names.eq([("media", Some(made)), ("other", Some(made))]), "{buckets:?}");

    let media = store.bucket("media").unwrap();
    let small = media.head(HeadRequest::new("small")).await.unwrap().unwrap();
    assert_eq!(small.http_metadata, Some(http()));
    assert_eq!(small.custom_metadata, Some(custom()));
    assert_eq!(small.storage_class, Some(StorageClass::InfrequentAccess));
    assert_eq!(small.uploaded, made);
    assert_eq!(small.version.as_ref().map(String::len), Some(32));
    let sha256 = Checksum::of(ChecksumAlgorithm::Sha256, b"hello");
    assert_eq!(small.checksums.get(ChecksumAlgorithm::Sha256), Some(&sha256));
    assert_eq!(bytes(&media, "small").await, Some(b"hello".to_vec()));

    for key in ["large", "copy"] {
        let large = media.head(HeadRequest::new(key)).await.unwrap().unwrap();
        assert_eq!(large.etag, Checksum::of(ChecksumAlgorithm::Md5, &pattern(LARGE)).to_hex());
        let sha1 = Checksum::of(ChecksumAlgorithm::Sha1, &pattern(LARGE));
        assert_eq!(large.checksums.get(ChecksumAlgorithm::Sha1), Some(&sha1));
        assert_eq!(large.http_metadata, Some(HttpMetadata::default()));
        assert_eq!(large.custom_metadata, Some(custom()));
        assert_eq!(large.storage_class, Some(StorageClass::Standard));
        assert_eq!(bytes(&media, key).await, Some(pattern(LARGE)));
    }
    let parts = media.head(HeadRequest::new("parts")).await.unwrap().unwrap();
    assert!(parts.etag.ends_with("-2"), "{}", parts.etag);
    assert_eq!((parts.http_metadata, parts.custom_metadata), (Some(http()), Some(custom())));
    assert_eq!(bytes(&media, "parts").await, Some([pattern(LARGE), pattern(10)].concat()));
    assert_eq!(bytes(&media, "caf\u{e9}").await, Some(b"decomposed".to_vec()));
    let listed = media.list(ListRequest::default()).await.unwrap();
    let keys: Vec<&str> = listed.objects.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(keys[..4], ["cafe\u{301}", "copy", "large", "parts"]);

    let other = store.bucket("other").unwrap();
    assert_eq!(bytes(&other, "small").await, Some(b"another".to_vec()));
    assert_eq!(bytes(&other, "empty").await, Some(Vec::new()));
}

pub(super) async fn check_values(store: &LocalStore) {
    let titles: Vec<String> = store.namespaces().await.unwrap().into_iter().map(|info| info.title).collect();
    assert_eq!(titles, ["empty", "sessions"]);
    let sessions = LocalNamespace::open_in(store, "sessions").await.unwrap();
    let get = |key: &str| kv::GetRequest::new(key);
    let small = sessions.get_with_metadata(get("small")).await.unwrap().unwrap();
    assert_eq!(small.metadata.unwrap().as_str(), "[1,2]");
    assert_eq!(small.expiration, None);
    assert_eq!(small.value.bytes().await.unwrap(), "value");
    let large = sessions.get_with_metadata(get("large")).await.unwrap().unwrap();
    assert_eq!((large.expiration, large.metadata), (Some(expiration()), None));
    assert_eq!(large.value.bytes().await.unwrap(), pattern(LARGE));
}

/// A multipart object, and its checksums since version 5.
async fn check_parts(media: &LocalBucket, written: usize) {
    let read = async |key: &str, part_number| {
        let head = HeadRequest { part_number: Some(part_number), ..HeadRequest::new(key) };
        media.head(head).await.unwrap().map(|object| (object.parts_count, object.range))
    };
    let range =
        |offset: usize, length: usize| Some(ServedRange { offset: offset as u64, length: length as u64 });
    assert_eq!(read("parts", 2).await, Some((Some(2), range(LARGE, 10))));
    if written >= 5 {
        assert_eq!(read("proved", 1).await, Some((Some(1), range(0, LARGE))));
        let proved = media.head(HeadRequest::new("proved")).await.unwrap().unwrap();
        let crc = Crc64Nvme::of(&pattern(LARGE)).checksum();
        assert_eq!(proved.checksums.get(ChecksumAlgorithm::Crc64Nvme), Some(&crc));
    }
}

/// An object and an upload with a composite checksum, since version 7.
async fn check_composite_checksums(store: &LocalStore) {
    let (media, other) = (store.bucket("media").unwrap(), store.bucket("other").unwrap());
    let sha256 = Checksum::of(ChecksumAlgorithm::Sha256, &pattern(10));
    let composite = CompositeChecksum::of_parts(ChecksumAlgorithm::Sha256, [sha256]).unwrap();
    let summed = media.head(HeadRequest::new("summed")).await.unwrap().unwrap();
    assert_eq!(summed.checksums.composite(), Some(&composite));

    let uploads = other.list_multipart_uploads(ListMultipartUploadsRequest::default()).await.unwrap().uploads;
    let [upload] = uploads.as_slice() else { panic!("one upload: {uploads:?}") };
    assert_eq!(upload.checksum_algorithm, Some(ChecksumAlgorithm::Sha256));
    let list = ListPartsRequest::new(&upload.key, &upload.upload_id);
    let parts = other.list_parts(list).await.unwrap().parts;
    assert_eq!(parts[0].checksums.get(ChecksumAlgorithm::Sha256), Some(&sha256));
    let complete = CompleteMultipartUploadRequest::new(&upload.key, &upload.upload_id, parts);
    let stored = other.complete_multipart_upload(complete).await.unwrap();
    assert_eq!(stored.checksums.composite(), Some(&composite));
}

/// An upload from before version 7 whose object gets the CRC-64/NVME of its bytes.
#[tokio::test]
async fn an_unfinished_upload_keeps_the_checksum_that_it_was_begun_with() {
    let folder = fixture(6);
    let database = Connection::open(folder.path().join("store.sqlite3")).unwrap();
    assert_eq!(database.execute("UPDATE uploads SET full_object_crc64nvme = 1", ()).unwrap(), 1);
    drop(database);
    let media = open(folder.path()).await.bucket("media").unwrap();
    let uploads = media.list_multipart_uploads(ListMultipartUploadsRequest::default()).await.unwrap().uploads;
    assert_eq!(uploads[0].checksum_algorithm, Some(ChecksumAlgorithm::Crc64Nvme));
}

/// Completes the upload of an older version, with its last part and a new first one.
async fn finish_upload(media: &LocalBucket, written: usize) {
    let uploads = media.list_multipart_uploads(ListMultipartUploadsRequest::default()).await.unwrap().uploads;
    let [upload] = uploads.as_slice() else { panic!("one upload: {uploads:?}") };
    assert_eq!((upload.key.as_str(), upload.initiated), ("unfinished", Clock::new().now()));
    let (key, upload_id) = (upload.key.clone(), upload.upload_id.clone());
    let list = ListPartsRequest::new(key.clone(), upload_id.clone());
    let listed = media.list_parts(list).await.unwrap().parts;
    let sizes: Vec<_> = listed.iter().map(|part| (part.part_number, part.size)).collect();
    assert_eq!(sizes, [(1, Some(LARGE as u64)), (2, Some(10))]);
    let came = (written >= 5).then(|| Clock::new().now());
    assert!(listed.iter().all(|part| part.uploaded == came), "{listed:?}");
    let first = media.upload_part(part(&key, &upload_id, 1, 5 * 1024 * 1024)).await.unwrap();
    let parts = vec![first, listed[1].clone()];
    let complete = CompleteMultipartUploadRequest::new(&key, &upload_id, parts);
    media.complete_multipart_upload(complete).await.unwrap();
    abort(media, &key, &upload_id).await.unwrap();
    let never = abort(media, &key, "never").await.unwrap_err();
    assert_eq!(never.kind(), ErrorKind::NoSuchUpload);
}

async fn abort(media: &LocalBucket, key: &str, upload_id: &str) -> Result<()> {
    media.abort_known_multipart_upload(AbortMultipartUploadRequest::new(key, upload_id)).await
}

/// The upload that an older version has aborted.
async fn check_ended_upload(folder: &Path, media: &LocalBucket) {
    let database = Connection::open(folder.join("store.sqlite3")).unwrap();
    let id: String = database
        .query_row("SELECT id FROM ended_uploads WHERE key = CAST('aborted' AS BLOB)", (), |row| row.get(0))
        .unwrap();
    abort(media, "aborted", &id).await.unwrap();
}

async fn check_upload(media: &LocalBucket) {
    let object = media.head(HeadRequest::new("unfinished")).await.unwrap().unwrap();
    assert_eq!((object.http_metadata, object.custom_metadata), (Some(http()), Some(custom())));
    let expected = [pattern(5 * 1024 * 1024), pattern(10)].concat();
    assert!(bytes(media, "unfinished").await == Some(expected));
}

#[tokio::test]
async fn a_store_of_every_version_is_upgraded_and_keeps_all_it_has() {
    for written in 1..=VERSIONS.len() {
        let folder = fixture(written);
        assert_eq!(version(folder.path()), written);
        let store = open(folder.path()).await;
        assert_eq!(version(folder.path()), VERSIONS.len());
        check_objects(&store).await;
        check_settings(folder.path(), &store, written).await;
        let media = store.bucket("media").unwrap();
        if written >= 4 {
            check_ended_upload(folder.path(), &media).await;
        }
        check_parts(&media, written).await;
        if written >= 7 {
            check_composite_checksums(&store).await;
        }
        if written >= 8 {
            check_sealed(&media).await;
        }
        finish_upload(&media, written).await;
        check_upload(&media).await;
        // The files of `large`, `copy`, `parts`, `unfinished`, `proved`, `sealed large` and `sealed parts`,
        // and of the value `large`.
        let kept = match written {
            1 => 4,
            2..=4 => 5,
            5..=7 => 6,
            _ => 8,
        };
        assert_eq!(files(&store).await, (kept, 0));
        if written >= 2 {
            check_values(&store).await;
        }
        // Segments without checksums get them, since their MD5 is correct.
        let scrubbed = store.scrub(|_, _| {}).await.unwrap();
        let without: u64 = match written {
            1 => 9,
            2 => 11,
            _ => 0,
        };
        assert_eq!((scrubbed.damaged, scrubbed.checksums_added), (Vec::new(), without), "version {written}");
        assert_eq!(store.scrub(|_, _| {}).await.unwrap().checksums_added, 0);
        check_objects(&store).await;
        media.put(PutRequest::new("zz/new", pattern(100_000))).await.unwrap();
        let new = LocalNamespace::open_in(&store, "new").await.unwrap();
        new.put(kv::PutRequest::new("key", pattern(100_000))).await.unwrap();
        drop((media, new, store));

        let store = open(folder.path()).await;
        check_objects(&store).await;
        let media = store.bucket("media").unwrap();
        check_upload(&media).await;
        assert_eq!(bytes(&media, "zz/new").await, Some(pattern(100_000)));
        let new = LocalNamespace::open_in(&store, "new").await.unwrap();
        assert_eq!(value(&new, "key").await, Some(pattern(100_000)));
        assert_eq!(files(&store).await, (kept + 2, 0));
        drop((media, new, store));

        let clock = Clock::new();
        let store = LocalStore::open_with_runtime(folder.path(), clock.clone()).await.unwrap();
        check_lifecycle(&store, &clock, written).await;
    }
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused_and_left_as_it_is() {
    let folder = fixture(VERSIONS.len());
    let database = Connection::open(folder.path().join("store.sqlite3")).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    let before = contents(folder.path());
    let refused = LocalStore::open(folder.path()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Storage);
    let both = format!("the store has format 99, and this version supports up to {}", VERSIONS.len());
    assert!(refused.message().contains(&both), "{refused}");
    assert!(contents(folder.path()) == before);
    assert!(!folder.path().join("store.sqlite3-wal").exists());
}

#[tokio::test]
#[ignore = "makes a fixture: see tests/fixtures/README.md"]
async fn a_fixture_of_the_newest_version_is_made() {
    let folder = PathBuf::from(std::env::var_os("STORE_FIXTURE").unwrap());
    let store = open(&folder).await;
    fill(&folder, &store).await;
    drop(store);
    // The clean-up in the background has the store open too.
    while fs::read_dir(folder.join("instances")).unwrap().count() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for file in ["open.lock", "reserve"] {
        fs::remove_file(folder.join(file)).unwrap();
    }
    for empty in ["incoming", "instances"] {
        fs::remove_dir(folder.join(empty)).unwrap();
    }
}
