//! Golden JSON of R2's vocabulary: how values are written, and that they are read back.

use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

#[track_caller]
fn comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    assert_eq!(serde_json::from_str::<T>(&json(value)).unwrap(), *value);
}

fn time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_583_900_250)
}

fn checksums() -> Checksums {
    let algorithms = [ChecksumAlgorithm::Sha1, ChecksumAlgorithm::Crc32, ChecksumAlgorithm::Md5];
    algorithms.map(|algorithm| Checksum::of(algorithm, b"123456789")).into_iter().collect()
}

fn object() -> Object {
    let mut object = Object::new("films/a.mp4", 9, "25f9e794323b453885f5181f1b624d0b", time());
    object.version = Some("7e1f".to_owned());
    let mut http = HttpMetadata::from_texts(|field| Some(format!("the {}", field.what)));
    http.cache_expiry = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_583_900));
    object.http_metadata = Some(http);
    object.custom_metadata = Some([("uploadedBy", "app"), ("Größe", "")].into_iter().collect());
    object.checksums = checksums();
    object.storage_class = Some(StorageClass::InfrequentAccess);
    object.range = Some(ServedRange { offset: 2, length: 3 });
    object
}

#[test]
fn an_object_of_which_all_is_known() {
    insta::assert_snapshot!(json(&object()), @r#"
    {
      "key": "films/a.mp4",
      "version": "7e1f",
      "size": 9,
      "etag": "25f9e794323b453885f5181f1b624d0b",
      "uploaded": "2026-11-25T05:18:20.250Z",
      "httpMetadata": {
        "contentType": "the content type",
        "contentLanguage": "the content language",
        "contentDisposition": "the content disposition",
        "contentEncoding": "the content encoding",
        "cacheControl": "the cache control",
        "cacheExpiry": "2026-11-25T05:18:20.000Z"
      },
      "customMetadata": {
        "Größe": "",
        "uploadedBy": "app"
      },
      "checksums": {
        "sha1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
        "crc32": "cbf43926",
        "md5": "25f9e794323b453885f5181f1b624d0b"
      },
      "storageClass": "InfrequentAccess",
      "range": {
        "offset": 2,
        "length": 3
      }
    }
    "#);
    comes_back(&object());
}

#[test]
fn an_object_of_which_little_is_known() {
    let object = Object::new("a", 0, "abc", time());
    insta::assert_snapshot!(json(&object), @r#"
    {
      "key": "a",
      "size": 0,
      "etag": "abc",
      "uploaded": "2026-11-25T05:18:20.250Z"
    }
    "#);
    comes_back(&object);
}

#[test]
fn metadata_that_is_empty_is_not_missing() {
    let mut object = Object::new("a", 0, "abc", time());
    object.http_metadata = Some(HttpMetadata::default());
    object.custom_metadata = Some(CustomMetadata::default());
    let json = json(&object);
    assert!(json.contains("\"httpMetadata\": {}") && json.contains("\"customMetadata\": {}"), "{json}");
    comes_back(&object);
}

#[test]
fn a_stored_object() {
    let stored = StoredObject::from(object());
    insta::assert_snapshot!(json(&stored), @r#"
    {
      "key": "films/a.mp4",
      "etag": "25f9e794323b453885f5181f1b624d0b",
      "version": "7e1f",
      "size": 9,
      "uploaded": "2026-11-25T05:18:20.250Z",
      "httpMetadata": {
        "contentType": "the content type",
        "contentLanguage": "the content language",
        "contentDisposition": "the content disposition",
        "contentEncoding": "the content encoding",
        "cacheControl": "the cache control",
        "cacheExpiry": "2026-11-25T05:18:20.000Z"
      },
      "customMetadata": {
        "Größe": "",
        "uploadedBy": "app"
      },
      "storageClass": "InfrequentAccess",
      "checksums": {
        "sha1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
        "crc32": "cbf43926",
        "md5": "25f9e794323b453885f5181f1b624d0b"
      }
    }
    "#);
    comes_back(&stored);
    let etag_alone = StoredObject::new("a", "abc");
    assert_eq!(serde_json::to_string(&etag_alone).unwrap(), r#"{"key":"a","etag":"abc"}"#);
    comes_back(&etag_alone);
}

#[test]
fn pages() {
    let page = ListPage {
        objects: vec![Object::new("a", 0, "abc", time())],
        delimited_prefixes: vec!["b/".to_owned()],
        truncated: true,
        cursor: Some("next".to_owned()),
    };
    insta::assert_snapshot!(json(&page), @r#"
    {
      "objects": [
        {
          "key": "a",
          "size": 0,
          "etag": "abc",
          "uploaded": "2026-11-25T05:18:20.250Z"
        }
      ],
      "delimitedPrefixes": [
        "b/"
      ],
      "truncated": true,
      "cursor": "next"
    }
    "#);
    comes_back(&page);

    let page = PartsPage {
        parts: vec![
            UploadedPart {
                part_number: 1,
                etag: "abc".to_owned(),
                size: Some(5),
                uploaded: Some(time()),
                checksums: [Crc64Nvme::of(b"123456789").checksum()].into_iter().collect(),
            },
            UploadedPart::new(2, "def"),
        ],
        truncated: true,
        next_part_number_marker: Some(2),
        storage_class: Some(StorageClass::InfrequentAccess),
        checksum_algorithm: Some(ChecksumAlgorithm::Crc64Nvme),
    };
    insta::assert_snapshot!(json(&page), @r#"
    {
      "parts": [
        {
          "partNumber": 1,
          "etag": "abc",
          "size": 5,
          "uploaded": "2026-11-25T05:18:20.250Z",
          "checksums": {
            "crc64nvme": "ae8b14860a799888"
          }
        },
        {
          "partNumber": 2,
          "etag": "def"
        }
      ],
      "truncated": true,
      "nextPartNumberMarker": 2,
      "storageClass": "InfrequentAccess",
      "checksumAlgorithm": "crc64nvme"
    }
    "#);
    comes_back(&page);

    let page = MultipartUploadsPage {
        uploads: vec![MultipartUploadSummary {
            key: "a".to_owned(),
            upload_id: "u".to_owned(),
            initiated: time(),
            storage_class: Some(StorageClass::Standard),
            checksum_algorithm: Some(ChecksumAlgorithm::Sha256),
        }],
        delimited_prefixes: Vec::new(),
        truncated: true,
        next_key_marker: Some("a".to_owned()),
        next_upload_id_marker: Some("u".to_owned()),
    };
    insta::assert_snapshot!(json(&page), @r#"
    {
      "uploads": [
        {
          "key": "a",
          "uploadId": "u",
          "initiated": "2026-11-25T05:18:20.250Z",
          "storageClass": "Standard",
          "checksumAlgorithm": "sha256"
        }
      ],
      "delimitedPrefixes": [],
      "truncated": true,
      "nextKeyMarker": "a",
      "nextUploadIdMarker": "u"
    }
    "#);
    comes_back(&page);
}

#[test]
fn last_pages_have_no_markers() {
    let json = serde_json::to_string::<ListPage>(&ListPage::default()).unwrap();
    assert_eq!(json, r#"{"objects":[],"delimitedPrefixes":[],"truncated":false}"#);
    let json = serde_json::to_string(&PartsPage::default()).unwrap();
    assert_eq!(json, r#"{"parts":[],"truncated":false}"#);
    let json = serde_json::to_string(&MultipartUploadsPage::default()).unwrap();
    assert_eq!(json, r#"{"uploads":[],"delimitedPrefixes":[],"truncated":false}"#);
}

#[test]
fn what_a_later_version_adds_is_passed_over() {
    let json = r#"{"key":"a","etag":"abc","checksums":{"sha3":"00","crc32":"cbf43926"},"new":[1]}"#;
    let stored: StoredObject = serde_json::from_str(json).unwrap();
    assert_eq!(stored.checksums.iter().map(Checksum::to_hex).collect::<Vec<_>>(), ["cbf43926"]);
}

#[test]
fn what_is_wrong_is_named() {
    for (json, why) in [
        (r#"{"md5":"00"}"#, r#""00" is not a md5 checksum: it must be 16 bytes in hex"#),
        (r#"{"crc32":"cbf4392x"}"#, r#""cbf4392x" is not a crc32 checksum: it must be 4 bytes in hex"#),
        (r#"["cbf43926"]"#, "expected an object of strings"),
        (r#"{"crc32":7}"#, "expected a string"),
    ] {
        let error = serde_json::from_str::<Checksums>(json).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    let error = serde_json::from_str::<StorageClass>("\"STANDARD\"").unwrap_err().to_string();
    assert!(error.contains("expected `Standard` or `InfrequentAccess`"), "{error}");
}
