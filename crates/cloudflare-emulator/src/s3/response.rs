//! Parts of S3's answers: documents, and the headers of objects.

use cloudflare_clients::r2::{CustomMetadata, Object, StoredObject};
use cloudflare_clients::s3::{headers, xml};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::error::S3Error;
use super::known_error::INTERNAL_ERROR;
use crate::response;
pub(crate) use crate::response::{Response, empty, stored_bytes};

/// Returns an answer with a document in S3's namespace.
pub(crate) fn document(root: &str, content: impl FnOnce(&mut xml::Writer)) -> Response {
    response::xml(StatusCode::OK, xml::Writer::document(root, Some(xml::NAMESPACE), content))
}

/// The headers of a get or head of this object. An object without a content type is an octet stream; a range
/// has none of the whole's checksums.
pub(crate) fn object_headers(mut object: Object) -> Result<HeaderMap, S3Error> {
    let mut map = HeaderMap::new();
    if let Some(metadata) = object.custom_metadata.take() {
        let all = metadata.len();
        let carried: CustomMetadata =
            metadata.iter().filter(|(name, value)| is_carried(name, value)).collect();
        let missing = all - carried.len();
        if missing > 0 {
            map.insert("x-amz-missing-meta", missing.into());
        }
        object.custom_metadata = Some(carried);
    }
    if object.range.is_some() {
        object.checksums = cloudflare_clients::r2::Checksums::default();
    }
    headers::write_object(&object, &mut map)?;
    map.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/octet-stream"));
    map.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    Ok(map)
}

/// Whether this metadata fits into S3's headers. Other metadata comes from the embedded store's own API.
fn is_carried(name: &str, value: &str) -> bool {
    HeaderName::try_from(format!("{}{name}", headers::METADATA_PREFIX)).is_ok()
        && !value.contains(char::is_control)
}

/// Returns the answer to a put: the etag, the version and the checksums.
pub(crate) fn stored(object: &StoredObject) -> Result<Response, S3Error> {
    let mut response = empty(StatusCode::OK);
    let map = response.headers_mut();
    map.insert(header::ETAG, value(&object.http_etag())?);
    if let Some(version) = &object.version {
        map.insert(headers::VERSION_ID, value(version)?);
    }
    headers::write_object_checksums(&object.checksums, map);
    headers::write_ssec_key_md5(object.ssec_key_md5.as_deref(), map);
    Ok(response)
}

pub(crate) fn value(text: &str) -> Result<HeaderValue, S3Error> {
    HeaderValue::from_str(text).map_err(|_| INTERNAL_ERROR.into())
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn metadata_that_headers_cannot_say_is_counted() {
        let mut object = Object::new("k", 1, "e", UNIX_EPOCH);
        let metadata = [("fine", "é"), ("not fine", "x"), ("control", "a\nb")];
        object.custom_metadata = Some(metadata.into_iter().collect());
        let headers = object_headers(object).unwrap();
        assert_eq!(headers["x-amz-missing-meta"], "2");
        assert!(headers.contains_key("x-amz-meta-fine"));
        assert_eq!(headers[header::CONTENT_TYPE], "application/octet-stream");
    }
}
