//! The headers of S3 requests and answers, in both directions: a client writes what a server reads, and vice
//! versa.

use http::{HeaderMap, HeaderName, HeaderValue, header};

pub use super::customer_key::{
    CustomerKeyTarget, read_ssec_key, read_ssec_key_md5, write_ssec_key, write_ssec_key_md5,
};
use super::rfc2047;
use crate::error::{Error, Result};
pub use crate::model::r2::IfRange;
use crate::model::r2::condition_headers::ConditionHeaders;
use crate::model::r2::error_code::{INVALID_DIGEST, INVALID_STORAGE_CLASS};
pub use crate::model::r2::headers::{
    content_range, read_content_range, read_etag, read_http_metadata, read_range, unquote,
    write_http_metadata, write_range,
};
use crate::model::r2::{
    Checksum, ChecksumAlgorithm, ChecksumType, Checksums, Conditional, CustomMetadata, EtagList, Object,
    ObjectChecksum, StorageClass,
};
use crate::sigv4::encode_path;
pub use crate::transport::headers::read_content_length;
use crate::transport::headers::{date, read_date, text, value};

/// `Content-MD5`: the MD5 of a body, in Base64.
pub const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");
/// `x-amz-storage-class`: the storage class under its S3 name, such as `STANDARD_IA`.
pub const STORAGE_CLASS: HeaderName = HeaderName::from_static("x-amz-storage-class");
/// `x-amz-version-id`: the version of the object that was read or written.
pub const VERSION_ID: HeaderName = HeaderName::from_static("x-amz-version-id");
/// `x-amz-copy-source`: the source of a copy, as `/bucket/key`, percent-encoded.
pub const COPY_SOURCE: HeaderName = HeaderName::from_static("x-amz-copy-source");
/// `x-amz-copy-source-range`: the range of a part copy, as `bytes=first-last`.
pub const COPY_SOURCE_RANGE: HeaderName = HeaderName::from_static("x-amz-copy-source-range");
/// `x-amz-metadata-directive`: `REPLACE` if a copy does not keep the metadata of its source.
pub const METADATA_DIRECTIVE: HeaderName = HeaderName::from_static("x-amz-metadata-directive");
/// `x-amz-checksum-algorithm`: the algorithm of a multipart upload's checksum.
pub const CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("x-amz-checksum-algorithm");
/// `x-amz-checksum-type`: whether a checksum is that of the bytes (`FULL_OBJECT`) or of the parts' checksums
/// (`COMPOSITE`).
pub const CHECKSUM_TYPE: HeaderName = HeaderName::from_static("x-amz-checksum-type");
/// `x-amz-checksum-mode`: `ENABLED` requests the checksums of an object that is read.
pub const CHECKSUM_MODE: HeaderName = HeaderName::from_static("x-amz-checksum-mode");
/// `x-amz-mp-parts-count`: the number of parts of an object, in the answer to a request for one of its parts.
pub const PARTS_COUNT: HeaderName = HeaderName::from_static("x-amz-mp-parts-count");
/// Prefix of the header names of custom metadata.
pub const METADATA_PREFIX: &str = "x-amz-meta-";

/// Adds the `x-amz-meta-*` headers of custom metadata. Values outside of ASCII are encoded as in RFC 2047.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind) if a name is not a header token, or a value has control
/// characters.
pub fn write_custom_metadata(metadata: &CustomMetadata, headers: &mut HeaderMap) -> Result<()> {
    for (name, text) in metadata.iter() {
        let header = HeaderName::try_from(format!("{METADATA_PREFIX}{name}")).map_err(|_| {
            Error::invalid_input(format!(
                "the metadata name {name:?} cannot be sent over S3: use letters, digits and -, and no spaces"
            ))
        })?;
        if text.contains(char::is_control) {
            return Err(Error::invalid_input(format!(
                "the value of the metadata {name:?} cannot be sent over S3: it has control characters"
            )));
        }
        headers.insert(header, value("metadata", &rfc2047::encode(text))?);
    }
    Ok(())
}

/// Reads custom metadata: names in lower case, values decoded. The values of a repeated header are joined
/// with commas.
pub fn read_custom_metadata(headers: &HeaderMap) -> CustomMetadata {
    let names =
        headers.keys().filter_map(|header| Some((header, header.as_str().strip_prefix(METADATA_PREFIX)?)));
    names
        .filter(|(_, name)| !name.is_empty())
        .map(|(header, name)| {
            let values = headers.get_all(header).iter();
            let values: Vec<_> = values
                .map(|value| rfc2047::decode(&String::from_utf8_lossy(value.as_bytes())).into_owned())
                .collect();
            (name, values.join(","))
        })
        .collect()
}

/// Adds `x-amz-storage-class`, if there is a class.
pub fn write_storage_class(class: Option<StorageClass>, headers: &mut HeaderMap) {
    if let Some(class) = class {
        headers.insert(STORAGE_CLASS, HeaderValue::from_static(class.as_s3()));
    }
}

/// Reads `x-amz-storage-class`.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind) with the code `InvalidStorageClass` if R2 does not have the
/// class.
pub fn read_storage_class(headers: &HeaderMap) -> Result<Option<StorageClass>> {
    let Some(name) = headers.get(STORAGE_CLASS) else {
        return Ok(None);
    };
    match name.to_str().ok().and_then(StorageClass::from_s3) {
        Some(class) => Ok(Some(class)),
        None => Err(Error::invalid_input("The storage class you specified is not valid.")
            .with_code(INVALID_STORAGE_CLASS.name)),
    }
}

/// Returns the header of a checksum: `Content-MD5` or `x-amz-checksum-*`. The S3 API has none for SHA-384 and
/// SHA-512.
pub fn checksum_header(algorithm: ChecksumAlgorithm) -> Option<HeaderName> {
    Some(match algorithm {
        ChecksumAlgorithm::Md5 => CONTENT_MD5,
        ChecksumAlgorithm::Sha1 => HeaderName::from_static("x-amz-checksum-sha1"),
        ChecksumAlgorithm::Sha256 => HeaderName::from_static("x-amz-checksum-sha256"),
        ChecksumAlgorithm::Crc32 => HeaderName::from_static("x-amz-checksum-crc32"),
        ChecksumAlgorithm::Crc32c => HeaderName::from_static("x-amz-checksum-crc32c"),
        ChecksumAlgorithm::Crc64Nvme => HeaderName::from_static("x-amz-checksum-crc64nvme"),
        ChecksumAlgorithm::Sha384 | ChecksumAlgorithm::Sha512 => return None,
    })
}

/// Adds the header with the expected checksum of a request's body.
///
/// # Errors
/// [`ErrorKind::Unsupported`](crate::ErrorKind) for SHA-384 and SHA-512.
pub fn write_checksum(checksum: &Checksum, headers: &mut HeaderMap) -> Result<()> {
    let algorithm = checksum.algorithm();
    let name = checksum_header(algorithm).ok_or_else(|| {
        Error::unsupported(format!(
            "R2's S3 API does not support {algorithm} checksums: use sha256, sha1, md5, crc32, crc32c or crc64nvme"
        ))
    })?;
    headers.insert(name, value("checksum", &checksum.to_base64())?);
    Ok(())
}

/// Reads all expected checksums of a request's body.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind) with the code `InvalidDigest` if a header is not Base64 of
/// the checksum's length.
pub fn read_request_checksums(headers: &HeaderMap) -> Result<Vec<Checksum>> {
    let mut checksums = Vec::new();
    for algorithm in ChecksumAlgorithm::ALL {
        let given = checksum_header(algorithm).and_then(|name| headers.get(name));
        if let Some(given) = given {
            let parsed = Checksum::from_base64(algorithm, given.to_str().unwrap_or_default());
            checksums.push(parsed.map_err(|error| error.with_code(INVALID_DIGEST.name))?);
        }
    }
    Ok(checksums)
}

/// Adds the `x-amz-checksum-*` headers of an answer about an object or part, without their
/// [type](CHECKSUM_TYPE). An object's MD5 is its etag and has no header.
pub fn write_checksums(checksums: &Checksums, headers: &mut HeaderMap) {
    for checksum in checksums.iter().filter(|checksum| checksum.algorithm() != ChecksumAlgorithm::Md5) {
        if let (Some(name), Ok(value)) =
            (checksum_header(checksum.algorithm()), HeaderValue::from_str(&checksum.to_base64()))
        {
            headers.insert(name, value);
        }
    }
}

/// Reads the `x-amz-checksum-*` headers of an answer: checksums of bytes, or of the checksums of parts
/// (`<base64>-<parts>`).
pub fn read_checksums(headers: &HeaderMap) -> Checksums {
    let mut checksums = Checksums::default();
    for algorithm in ChecksumAlgorithm::ALL {
        if algorithm == ChecksumAlgorithm::Md5 {
            continue;
        }
        let given = checksum_header(algorithm).and_then(|name| headers.get(name)?.to_str().ok());
        checksums.extend(given.and_then(|given| ObjectChecksum::from_base64(algorithm, given).ok()));
    }
    checksums
}

/// Adds the source of a copy.
pub(super) fn write_copy_source(bucket: &str, key: &str, headers: &mut HeaderMap) -> Result<()> {
    let mut source = format!("/{bucket}/");
    encode_path(key, &mut source);
    headers.insert(COPY_SOURCE, value("source", &source)?);
    Ok(())
}

/// Requests the checksums of an object that is read, which AWS returns only then.
pub(super) fn ask_for_checksums(headers: &mut HeaderMap) {
    headers.insert(CHECKSUM_MODE, HeaderValue::from_static("ENABLED"));
}

/// Checks the object of an answer about one of its parts, and fails if the answer is about another part.
///
/// A service that does not support parts answers about the whole object, and so does R2 for part 1 of an
/// object that was not uploaded in parts.
pub(super) fn check_part(part_number: u16, mut object: Object) -> Result<Object> {
    if object.range.is_none() && (part_number > 1 || object.parts_count.is_some_and(|count| count > 1)) {
        return Err(Error::unexpected(format!(
            "part {part_number} was requested, and the answer does not contain its range"
        )));
    }
    if object.range.is_some() {
        // AWS returns the checksums of the part.
        object.checksums = Checksums::default();
    }
    Ok(object)
}

/// Which object the headers of a condition refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConditionTarget {
    /// The object that the request names: `If-Match` and so on.
    Object,
    /// The source of a copy: `x-amz-copy-source-if-match` and so on.
    CopySource,
    /// The object that a copy replaces: `cf-copy-destination-if-match` and so on.
    CopyDestination,
}

impl ConditionTarget {
    /// The headers for this object.
    pub(super) const fn headers(self) -> ConditionHeaders {
        match self {
            Self::Object => ConditionHeaders::HTTP,
            Self::CopySource => ConditionHeaders {
                matches: HeaderName::from_static("x-amz-copy-source-if-match"),
                none_match: HeaderName::from_static("x-amz-copy-source-if-none-match"),
                unmodified_since: HeaderName::from_static("x-amz-copy-source-if-unmodified-since"),
                modified_since: HeaderName::from_static("x-amz-copy-source-if-modified-since"),
            },
            Self::CopyDestination => ConditionHeaders {
                matches: HeaderName::from_static("cf-copy-destination-if-match"),
                none_match: HeaderName::from_static("cf-copy-destination-if-none-match"),
                unmodified_since: HeaderName::from_static("cf-copy-destination-if-unmodified-since"),
                modified_since: HeaderName::from_static("cf-copy-destination-if-modified-since"),
            },
        }
    }
}

/// Adds the headers of conditions. Times are truncated to whole seconds.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind) if an etag is empty, in quotes or has control characters, or
/// a time is not in the years 1970 to 9999.
pub fn write_conditional(
    only_if: &Conditional,
    target: ConditionTarget,
    headers: &mut HeaderMap,
) -> Result<()> {
    only_if.validate()?;
    target.headers().write(only_if, headers)
}

/// Reads the headers of conditions. Times are compared in whole seconds. As HTTP specifies, a condition whose
/// time is not a date is ignored.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind) if a list of etags is malformed.
pub fn read_conditional(target: ConditionTarget, headers: &HeaderMap) -> Result<Conditional> {
    target.headers().read(headers, EtagList::parse_header)
}

/// Reads `x-amz-version-id`, the version of the object that was read or written.
pub fn read_version(headers: &HeaderMap) -> Option<String> {
    text(headers, &VERSION_ID).map(str::to_owned)
}

/// Like [`write_checksums`], for an object: also writes a composite checksum, and the type of the checksums.
pub fn write_object_checksums(checksums: &Checksums, headers: &mut HeaderMap) {
    let before = headers.len();
    write_checksums(checksums, headers);
    if headers.len() > before {
        write_checksum_type(ChecksumType::FullObject, headers);
    }
    if let Some(composite) = checksums.composite()
        && let (Some(name), Ok(value)) =
            (checksum_header(composite.algorithm()), HeaderValue::from_str(&composite.to_base64()))
    {
        headers.insert(name, value);
        write_checksum_type(ChecksumType::Composite, headers);
    }
}

/// Adds `x-amz-checksum-type`.
pub fn write_checksum_type(kind: ChecksumType, headers: &mut HeaderMap) {
    headers.insert(CHECKSUM_TYPE, HeaderValue::from_static(kind.as_s3()));
}

/// Adds the algorithm and the type of a multipart upload's checksum, in a request or an answer.
///
/// # Errors
/// [`ErrorKind::Unsupported`](crate::ErrorKind) if R2 has no such checksum for multipart objects.
pub fn write_checksum_algorithm(algorithm: Option<ChecksumAlgorithm>, headers: &mut HeaderMap) -> Result<()> {
    if let Some(algorithm) = algorithm {
        write_checksum_type(algorithm.required_type_of_parts()?, headers);
        headers.insert(CHECKSUM_ALGORITHM, value("checksum algorithm", &algorithm.name().to_uppercase())?);
    }
    Ok(())
}

/// Adds the headers of an object in the answer to a get, except its length and version. R2 is only known to
/// send the version after a put: clients would request that version, and R2 has no parameter for it.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind) if its metadata cannot be sent in headers. A server with
/// metadata that S3 cannot carry must omit it first.
pub fn write_object(object: &Object, headers: &mut HeaderMap) -> Result<()> {
    headers.insert(header::ETAG, value("etag", &object.http_etag())?);
    headers.insert(header::LAST_MODIFIED, date("upload time", object.uploaded)?);
    if let Some(metadata) = &object.http_metadata {
        write_http_metadata(metadata, headers)?;
    }
    if let Some(metadata) = &object.custom_metadata {
        write_custom_metadata(metadata, headers)?;
    }
    write_storage_class(object.storage_class, headers);
    write_object_checksums(&object.checksums, headers);
    write_ssec_key_md5(object.ssec_key_md5.as_deref(), headers);
    if let Some(count) = object.parts_count {
        headers.insert(PARTS_COUNT, count.into());
    }
    if let Some(range) = object.range {
        headers.insert(header::CONTENT_RANGE, value("range", &content_range(range, object.size))?);
    }
    Ok(())
}

/// Reads an object from the headers of the answer to a get or head.
///
/// # Errors
/// [`ErrorKind::UnexpectedResponse`](crate::ErrorKind) if the length, etag or `Last-Modified` is missing, or
/// the `Content-Range` is invalid.
pub fn read_object(key: &str, headers: &HeaderMap) -> Result<Object> {
    let missing = |name: &str| Error::unexpected(format!("the answer has no {name}"));
    let length = read_content_length(headers);
    let (range, size) = match read_content_range(headers)? {
        Some((range, _)) if length.is_some_and(|length| length != range.length) => {
            return Err(Error::unexpected(
                "the answer's Content-Length and Content-Range contradict each other",
            ));
        }
        Some((range, size)) => (Some(range), size),
        None => (None, length.ok_or_else(|| missing("Content-Length"))?),
    };
    let etag = read_etag(headers)?;
    let uploaded = read_date(headers, &header::LAST_MODIFIED).ok_or_else(|| missing("Last-Modified"))?;
    let mut object = Object::new(key, size, etag, uploaded);
    object.version = read_version(headers);
    object.http_metadata = Some(read_http_metadata(headers));
    object.custom_metadata = Some(read_custom_metadata(headers));
    object.checksums = read_checksums(headers);
    // Other services have storage classes that R2 does not have.
    object.storage_class = read_storage_class(headers).ok().flatten();
    object.range = range;
    object.ssec_key_md5 = read_ssec_key_md5(headers);
    object.parts_count = text(headers, &PARTS_COUNT).and_then(|count| count.parse().ok());
    Ok(object)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::error::ErrorKind;
    use crate::model::r2::{CompositeChecksum, HttpMetadata, ServedRange};
    use crate::time::LAST_SECOND;
    use crate::transport::headers::header_map as headers;

    #[test]
    fn an_object_survives_its_headers() {
        let time = UNIX_EPOCH + Duration::from_secs(500_000 * 3600);
        let mut object = Object::new("a/../b", 100, "abc-2", time);
        object.http_metadata = Some(HttpMetadata {
            content_type: Some("text/plain; charset=utf-8".to_owned()),
            content_language: Some("de".to_owned()),
            content_disposition: Some("attachment; filename=\"ü.txt\"".to_owned()),
            content_encoding: Some("gzip".to_owned()),
            cache_control: Some("no-store".to_owned()),
            cache_expiry: Some(time),
        });
        object.custom_metadata = Some(
            [("uploadedby", "Jürgen"), ("empty", ""), ("trick", "=?UTF-8?B?w6k=?=")].into_iter().collect(),
        );
        object.storage_class = Some(StorageClass::InfrequentAccess);
        object.checksums.insert(Checksum::of(ChecksumAlgorithm::Sha256, b"x"));
        object.range = Some(ServedRange { offset: 10, length: 20 });
        object.parts_count = Some(5);
        let mut headers = HeaderMap::new();
        write_object(&object, &mut headers).unwrap();
        headers.insert(header::CONTENT_LENGTH, 20.into());
        assert_eq!(read_object("a/../b", &headers).unwrap(), object);
    }

    #[test]
    fn metadata_names_are_tokens_and_come_back_in_lower_case() {
        let mut map = HeaderMap::new();
        write_custom_metadata(&[("uploadedBy", "x")].into_iter().collect(), &mut map).unwrap();
        assert_eq!(read_custom_metadata(&map).iter().collect::<Vec<_>>(), [("uploadedby", "x")]);
        for (name, text, why) in [
            ("a b", "x", "the metadata name \"a b\""),
            ("ä", "x", "the metadata name \"ä\""),
            ("a:", "x", "the metadata name \"a:\""),
            ("a", "x\r\ny", "it has control characters"),
        ] {
            let error = write_custom_metadata(&[(name, text)].into_iter().collect(), &mut map).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.message().contains(why), "{error}");
        }
    }

    #[test]
    fn conditions_round_trip_for_every_target() {
        let time = UNIX_EPOCH + Duration::from_secs(500_000 * 3600);
        let mut only_if = Conditional::new().etag_matches("a").etag_does_not_match("*");
        only_if = only_if.uploaded_before(time).uploaded_after(time);
        only_if.seconds_granularity = true;
        for target in [ConditionTarget::Object, ConditionTarget::CopySource, ConditionTarget::CopyDestination]
        {
            let mut map = HeaderMap::new();
            write_conditional(&only_if, target, &mut map).unwrap();
            assert_eq!((map.len(), read_conditional(target, &map).unwrap()), (4, only_if.clone()));
        }
        let never = Conditional::new().uploaded_after(UNIX_EPOCH + Duration::from_secs(LAST_SECOND + 1));
        let error = write_conditional(&never, ConditionTarget::Object, &mut HeaderMap::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains("not in the years 1970 to 9999"), "{error}");
    }

    #[test]
    fn checksums_of_checksums_are_told_from_those_of_bytes() {
        let map = headers([
            ("x-amz-checksum-crc32", "NSRBwg==-2"),
            ("x-amz-checksum-crc64nvme", "nonsense"),
            ("x-amz-checksum-crc32c", "NSRBwg=="),
        ]);
        let checksums = read_checksums(&map);
        assert_eq!(
            checksums.iter().map(Checksum::algorithm).collect::<Vec<_>>(),
            [ChecksumAlgorithm::Crc32c]
        );
        let composite = CompositeChecksum::from_base64(ChecksumAlgorithm::Crc32, "NSRBwg==-2").unwrap();
        assert_eq!(checksums.composite(), Some(&composite));
        let mut written = HeaderMap::new();
        write_object_checksums(&[].into_iter().collect(), &mut written);
        assert!(written.is_empty());
        let mut alone = Checksums::default();
        alone.set_composite(composite);
        write_object_checksums(&alone, &mut written);
        assert_eq!(written["x-amz-checksum-crc32"], "NSRBwg==-2");
        assert_eq!(written[CHECKSUM_TYPE], "COMPOSITE");
        assert_eq!(read_request_checksums(&map).unwrap_err().code(), Some("InvalidDigest"));
        let sha512 = Checksum::of(ChecksumAlgorithm::Sha512, b"");
        let error = write_checksum(&sha512, &mut HeaderMap::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
