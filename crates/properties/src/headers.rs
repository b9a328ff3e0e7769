//! The headers of S3: parsed values are written so that they are parsed to the same value again. The input
//! has one header per line.

use std::time::SystemTime;

use cloudflare_clients::r2::{Conditional, CustomMetadata, Object};
use cloudflare_clients::s3::headers::{self as s3, ConditionTarget, IfRange};
use http::{HeaderMap, header};

use crate::message::Message;

/// Ranges, conditions, metadata, checksums and whole objects.
pub fn headers(input: &[u8]) {
    let request = [b"GET /\n", input].concat();
    let Some(Message { headers, .. }) = Message::parse(&request) else { return };
    range(&headers);
    for target in [ConditionTarget::Object, ConditionTarget::CopySource, ConditionTarget::CopyDestination] {
        condition(target, &headers);
    }
    let object = Object::new("key", 10, "etag", SystemTime::UNIX_EPOCH);
    if let Some(if_range) = IfRange::read(&headers) {
        if_range.matches(&object, SystemTime::UNIX_EPOCH);
    }
    if let Ok(Some((served, size))) = s3::read_content_range(&headers) {
        let mut written = HeaderMap::new();
        written.insert(header::CONTENT_RANGE, s3::content_range(served, size).try_into().unwrap());
        assert_eq!(s3::read_content_range(&written).unwrap(), Some((served, size)));
    }
    if let Ok(checksums) = s3::read_request_checksums(&headers) {
        let mut written = HeaderMap::new();
        for checksum in &checksums {
            s3::write_checksum(checksum, &mut written).unwrap();
        }
        assert_eq!(s3::read_request_checksums(&written).unwrap(), checksums);
    }
    let metadata = s3::read_http_metadata(&headers);
    let mut written = HeaderMap::new();
    if s3::write_http_metadata(&metadata, &mut written).is_ok() {
        assert_eq!(s3::read_http_metadata(&written), metadata);
    }
    custom_metadata(&s3::read_custom_metadata(&headers));
    whole_object(headers);
}

/// Metadata that is not ASCII: any text is written so that it is parsed to the same text, whatever it looks
/// like.
pub fn rfc2047(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    custom_metadata(&[("name", text)].into_iter().collect());
    let mut headers = HeaderMap::new();
    if let Ok(value) = http::HeaderValue::from_bytes(input) {
        headers.insert("x-amz-meta-name", value);
        custom_metadata(&s3::read_custom_metadata(&headers));
    }
}

fn range(headers: &HeaderMap) {
    let Ok(Some(range)) = s3::read_range(headers) else { return };
    let mut written = HeaderMap::new();
    // A suffix of no bytes is parsed, and rejected later for its object.
    if s3::write_range(range, &mut written).is_ok() {
        assert_eq!(s3::read_range(&written).unwrap(), Some(range));
    }
    for size in [0, 1, 10, u64::MAX] {
        if let Ok(served) = range.resolve(size) {
            assert!(
                served.length > 0 && served.offset.checked_add(served.length).is_some_and(|end| end <= size)
            );
        }
    }
}

fn condition(target: ConditionTarget, headers: &HeaderMap) {
    let Ok(only_if) = s3::read_conditional(target, headers) else { return };
    let object = Object::new("key", 10, "etag", SystemTime::UNIX_EPOCH);
    for existing in [None, Some(&object)] {
        let _ = (only_if.check_read(existing), only_if.check_write(existing));
    }
    let mut written = HeaderMap::new();
    // Bare etags may contain characters that quoted etags cannot.
    if s3::write_conditional(&only_if, target, &mut written).is_ok() {
        let Conditional { etag_matches, etag_does_not_match, uploaded_before, uploaded_after, .. } =
            s3::read_conditional(target, &written).unwrap();
        assert_eq!(
            (&etag_matches, &etag_does_not_match),
            (&only_if.etag_matches, &only_if.etag_does_not_match)
        );
        assert_eq!((uploaded_before, uploaded_after), (only_if.uploaded_before, only_if.uploaded_after));
    }
}

fn custom_metadata(metadata: &CustomMetadata) {
    let mut written = HeaderMap::new();
    if s3::write_custom_metadata(metadata, &mut written).is_ok() {
        assert!(written.values().all(|value| value.to_str().is_ok()));
        assert_eq!(s3::read_custom_metadata(&written), *metadata);
    }
}

fn whole_object(mut headers: HeaderMap) {
    if !headers.contains_key(header::CONTENT_LENGTH) {
        headers.insert(header::CONTENT_LENGTH, 10.into());
    }
    let Ok(mut object) = s3::read_object("key", &headers) else { return };
    // Only a put returns a version.
    object.version = None;
    let mut written = HeaderMap::new();
    if s3::write_object(&object, &mut written).is_ok() {
        let length = object.range.map_or(object.size, |range| range.length);
        written.insert(header::CONTENT_LENGTH, length.into());
        assert_eq!(s3::read_object("key", &written).unwrap(), object);
    }
}
