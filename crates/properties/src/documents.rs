//! The bodies of requests and answers: XML of S3, JSON of Workers KV.

use std::time::SystemTime;

use bytes::Bytes;
use cloudflare_clients::kv::rest::{self, bulk_get, bulk_put};
use cloudflare_clients::kv::{GetManyRequest, PutRequest};
use cloudflare_clients::r2::{CompleteMultipartUploadRequest, UploadedPart};
use cloudflare_clients::s3::xml::{Element, can_carry};
use cloudflare_clients::s3::{self, Response};
use http::{HeaderMap, StatusCode};

/// Any document is parsed or rejected, as a request and as each answer. Documents that we write are parsed to
/// the same value.
pub fn xml(input: &[u8]) {
    let _ = Element::parse(input);
    let headers = HeaderMap::new();
    let response = Response {
        status: StatusCode::OK,
        reason: None,
        headers: headers.clone(),
        body: Bytes::copy_from_slice(input),
        received: SystemTime::UNIX_EPOCH,
    };
    if let Ok(page) = s3::list_objects_v2::parse(&response) {
        assert!(!page.truncated || page.cursor.is_some());
    }
    if let Ok(page) = s3::list_parts::parse(&response) {
        assert!(!page.truncated || page.next_part_number_marker.is_some());
    }
    if let Ok(page) = s3::list_multipart_uploads::parse(&response) {
        assert!(!page.truncated || page.next_key_marker.is_some());
    }
    let _ = s3::create_multipart_upload::parse(&response);
    let _ = s3::copy_object::parse("key", &response);
    let _ = s3::complete_multipart_upload::parse("key", &response);
    for status in [StatusCode::OK, StatusCode::NOT_FOUND, StatusCode::SERVICE_UNAVAILABLE] {
        let _ =
            s3::error_code::parse_error(status, None, &headers, input, SystemTime::UNIX_EPOCH).to_string();
    }

    let Ok(text) = std::str::from_utf8(input) else { return };
    let keys: Vec<&str> = text.split('\n').filter(|key| !key.is_empty() && can_carry(key)).collect();
    if let Ok(outcomes) = s3::delete_objects::parse(&keys, &response) {
        assert_eq!(outcomes.len(), keys.len());
    }
    let request = s3::delete_objects::request(&keys).unwrap();
    let root = Element::parse(request.body.as_bytes().unwrap()).unwrap();
    let written: Vec<_> = root.children("Object").map(|object| object.required("Key").unwrap()).collect();
    assert_eq!(written, keys);

    let parts: Vec<_> = (1..).zip(&keys).map(|(number, etag)| UploadedPart::new(number, *etag)).collect();
    if let Ok(request) = s3::complete_multipart_upload::request(&CompleteMultipartUploadRequest::new(
        "key",
        "id",
        parts.clone(),
    )) {
        let root = Element::parse(request.body.as_bytes().unwrap()).unwrap();
        let written: Vec<_> =
            root.children("Part").map(|part| s3::headers::unquote(part.required("ETag").unwrap())).collect();
        assert_eq!(written, parts.iter().map(|part| s3::headers::unquote(&part.etag)).collect::<Vec<_>>());
    }
}

/// Any document is parsed or rejected. Pairs that were parsed are written back unchanged.
pub fn kv_json(input: &[u8]) {
    let keys = ["a", "b"].map(str::to_owned);
    for with_metadata in [false, true] {
        let mut get = GetManyRequest::new(&keys);
        get.with_metadata = with_metadata;
        if let Ok(values) = bulk_get::parse(&get, input) {
            assert_eq!(values.len(), keys.len());
        }
    }
    if let Ok(page) = rest::list_keys::parse(input) {
        assert_eq!(page.list_complete, page.cursor.is_none());
        // A parsed page can be serialized.
        let written = serde_json::to_string(&page);
        assert!(written.is_ok(), "{written:?}: {page:?}");
    }
    let _ = rest::get_metadata::parse(input);
    let _ = bulk_put::parse(["a", "b"], input);
    let _ = rest::bulk_delete::parse(&keys, input);
    let (status, headers) = (StatusCode::BAD_REQUEST, HeaderMap::new());
    let _ = rest::error_code::parse_error(status, None, &headers, input, SystemTime::UNIX_EPOCH).to_string();
    let _ = serde_json::from_slice::<bulk_get::KeysJson>(input);

    let Some(puts) = puts(input) else { return };
    let Ok(request) = bulk_put::request(&puts) else { return };
    let again = self::puts(request.body.as_bytes().unwrap()).unwrap();
    assert_eq!(format!("{again:?}"), format!("{puts:?}"));
    assert!(puts.iter().zip(&again).all(|(a, b)| a.value.as_bytes() == b.value.as_bytes()));
}

/// Returns the puts of a bulk write, if all of it can be parsed.
fn puts(document: &[u8]) -> Option<Vec<PutRequest>> {
    let pairs: Vec<bulk_put::PairJson<'_>> = serde_json::from_slice(document).ok()?;
    pairs.into_iter().map(|pair| pair.into_put().ok()).collect()
}
