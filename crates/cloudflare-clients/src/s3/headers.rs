//! The headers of S3 requests and answers, in both directions: a client writes what a server reads, and the reverse.

use std::time::{SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::rfc2047;
use crate::error::{Error, ErrorKind, Result};
use crate::r2::{
    Checksum, ChecksumAlgorithm, Checksums, Conditional, CustomMetadata, EtagList, HttpMetadata, Object,
    Range, ServedRange, StorageClass,
};

/// `Content-MD5`.
pub const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");
/// `x-amz-storage-class`.
pub const STORAGE_CLASS: HeaderName = HeaderName::from_static("x-amz-storage-class");
/// `x-amz-version-id`.
pub const VERSION_ID: HeaderName = HeaderName::from_static("x-amz-version-id");
/// `x-amz-copy-source`.
pub const COPY_SOURCE: HeaderName = HeaderName::from_static("x-amz-copy-source");
/// `x-amz-metadata-directive`.
pub const METADATA_DIRECTIVE: HeaderName = HeaderName::from_static("x-amz-metadata-directive");
/// What the names of custom metadata follow in their headers.
pub const METADATA_PREFIX: &str = "x-amz-meta-";

/// 9999-12-31, the last day that HTTP's dates can name.
const MAX_HTTP_DATE: u64 = 253_402_300_799;

/// The value of a header.
///
/// # Errors
/// [`ErrorKind::InvalidInput`]: the value has control characters. `what` names it.
pub(crate) fn value(what: &str, value: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(value).map_err(|_| {
        Error::invalid_input(format!(
            "the {what} {value:?} cannot be sent as a header: it has control characters"
        ))
    })
}

/// A time as headers carry it, in whole seconds.
///
/// # Errors
/// [`ErrorKind::InvalidInput`]: the year is not 1970 to 9999. `what` names it.
pub(crate) fn date(what: &str, time: SystemTime) -> Result<HeaderValue> {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) if since.as_secs() <= MAX_HTTP_DATE => value(what, &httpdate::fmt_http_date(time)),
        _ => Err(Error::invalid_input(format!("the {what} is not in the years 1970 to 9999"))),
    }
}

fn read_date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

/// The text of a header. One that is not UTF-8 counts as none.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    std::str::from_utf8(headers.get(name)?.as_bytes()).ok()
}

/// Adds the headers of HTTP metadata.
///
/// # Errors
/// [`ErrorKind::InvalidInput`]: a value has control characters, or the expiry is not in the years 1970 to 9999.
pub fn write_http_metadata(metadata: &HttpMetadata, headers: &mut HeaderMap) -> Result<()> {
    let fields = [
        (header::CONTENT_TYPE, "content type", &metadata.content_type),
        (header::CONTENT_LANGUAGE, "content language", &metadata.content_language),
        (header::CONTENT_DISPOSITION, "content disposition", &metadata.content_disposition),
        (header::CONTENT_ENCODING, "content encoding", &metadata.content_encoding),
        (header::CACHE_CONTROL, "cache control", &metadata.cache_control),
    ];
    for (name, what, text) in fields {
        if let Some(text) = text {
            headers.insert(name, value(what, text)?);
        }
    }
    if let Some(expiry) = metadata.cache_expiry {
        headers.insert(header::EXPIRES, date("cache expiry", expiry)?);
    }
    Ok(())
}

/// Reads HTTP metadata. An `Expires` that is no date counts as none.
pub fn read_http_metadata(headers: &HeaderMap) -> HttpMetadata {
    let field = |name| text(headers, &name).map(str::to_owned);
    HttpMetadata {
        content_type: field(header::CONTENT_TYPE),
        content_language: field(header::CONTENT_LANGUAGE),
        content_disposition: field(header::CONTENT_DISPOSITION),
        content_encoding: field(header::CONTENT_ENCODING),
        cache_control: field(header::CACHE_CONTROL),
        cache_expiry: read_date(headers, &header::EXPIRES),
    }
}

/// Adds the `x-amz-meta-*` headers of custom metadata. Values outside of ASCII are encoded by RFC 2047.
///
/// # Errors
/// [`ErrorKind::InvalidInput`]: a name is no header token, or a value has control characters.
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

/// Reads custom metadata: names in lower case, values decoded. A header that is there more than once has its values
/// with commas between them.
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

/// Adds `x-amz-storage-class`, where there is one.
pub fn write_storage_class(class: Option<StorageClass>, headers: &mut HeaderMap) {
    if let Some(class) = class {
        headers.insert(STORAGE_CLASS, HeaderValue::from_static(class.as_s3()));
    }
}

/// Reads `x-amz-storage-class`.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] with the code `InvalidStorageClass`: R2 has no such class.
pub fn read_storage_class(headers: &HeaderMap) -> Result<Option<StorageClass>> {
    let Some(name) = headers.get(STORAGE_CLASS) else {
        return Ok(None);
    };
    match name.to_str().ok().and_then(StorageClass::from_s3) {
        Some(class) => Ok(Some(class)),
        None => Err(Error::invalid_input("The storage class you specified is not valid.")
            .with_code("InvalidStorageClass")),
    }
}

/// The header of a checksum: `Content-MD5` or `x-amz-checksum-*`. The S3 API has none for SHA-384 and SHA-512.
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

/// Adds the header of what a request's body must hash to.
///
/// # Errors
/// [`ErrorKind::Unsupported`]: SHA-384 or SHA-512.
pub fn write_checksum(checksum: &Checksum, headers: &mut HeaderMap) -> Result<()> {
    let algorithm = checksum.algorithm();
    let name = checksum_header(algorithm).ok_or_else(|| {
        Error::unsupported(format!(
            "R2's S3 API takes no {algorithm} checksums: use sha256, sha1, md5, crc32, crc32c or crc64nvme"
        ))
    })?;
    headers.insert(name, value("checksum", &checksum.to_base64())?);
    Ok(())
}

/// Reads what a request's body must hash to: every checksum that it gives.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] with the code `InvalidDigest`: a header is not base64 of its checksum's length.
pub fn read_request_checksums(headers: &HeaderMap) -> Result<Vec<Checksum>> {
    let mut checksums = Vec::new();
    for algorithm in ChecksumAlgorithm::ALL {
        let given = checksum_header(algorithm).and_then(|name| headers.get(name));
        if let Some(given) = given {
            let parsed = Checksum::from_base64(algorithm, given.to_str().unwrap_or_default());
            checksums.push(parsed.map_err(|error| error.with_code("InvalidDigest"))?);
        }
    }
    Ok(checksums)
}

/// Adds the `x-amz-checksum-*` headers of an answer. An object's MD5 is its etag and has no header.
pub fn write_checksums(checksums: &Checksums, headers: &mut HeaderMap) {
    for checksum in checksums.iter().filter(|checksum| checksum.algorithm() != ChecksumAlgorithm::Md5) {
        if let (Some(name), Ok(value)) =
            (checksum_header(checksum.algorithm()), HeaderValue::from_str(&checksum.to_base64()))
        {
            headers.insert(name, value);
        }
    }
}

/// Reads the `x-amz-checksum-*` headers of an answer. Checksums of checksums (`<base64>-<parts>`) are left out: they
/// are not of the object's bytes.
pub fn read_checksums(headers: &HeaderMap) -> Checksums {
    let mut checksums = Checksums::default();
    for algorithm in ChecksumAlgorithm::ALL {
        if algorithm == ChecksumAlgorithm::Md5 {
            continue;
        }
        let given = checksum_header(algorithm).and_then(|name| headers.get(name)?.to_str().ok());
        if let Some(checksum) = given.and_then(|given| Checksum::from_base64(algorithm, given).ok()) {
            checksums.insert(checksum);
        }
    }
    checksums
}

/// Which object the headers of a condition are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionTarget {
    /// The one that the request names: `If-Match` and so on.
    Object,
    /// The one that a copy reads: `x-amz-copy-source-if-match` and so on.
    CopySource,
    /// The one that a copy replaces: `cf-copy-destination-if-match` and so on.
    CopyDestination,
}

impl ConditionTarget {
    fn match_(self) -> HeaderName {
        match self {
            Self::Object => header::IF_MATCH,
            Self::CopySource => HeaderName::from_static("x-amz-copy-source-if-match"),
            Self::CopyDestination => HeaderName::from_static("cf-copy-destination-if-match"),
        }
    }

    fn none_match(self) -> HeaderName {
        match self {
            Self::Object => header::IF_NONE_MATCH,
            Self::CopySource => HeaderName::from_static("x-amz-copy-source-if-none-match"),
            Self::CopyDestination => HeaderName::from_static("cf-copy-destination-if-none-match"),
        }
    }

    fn unmodified_since(self) -> HeaderName {
        match self {
            Self::Object => header::IF_UNMODIFIED_SINCE,
            Self::CopySource => HeaderName::from_static("x-amz-copy-source-if-unmodified-since"),
            Self::CopyDestination => HeaderName::from_static("cf-copy-destination-if-unmodified-since"),
        }
    }

    fn modified_since(self) -> HeaderName {
        match self {
            Self::Object => header::IF_MODIFIED_SINCE,
            Self::CopySource => HeaderName::from_static("x-amz-copy-source-if-modified-since"),
            Self::CopyDestination => HeaderName::from_static("cf-copy-destination-if-modified-since"),
        }
    }
}

/// Adds the headers of conditions. Their times lose what is less than a second.
///
/// # Errors
/// [`ErrorKind::InvalidInput`]: an etag is empty, in quotes or has control characters, or a time is not in the years
/// 1970 to 9999.
pub fn write_conditional(
    only_if: &Conditional,
    target: ConditionTarget,
    headers: &mut HeaderMap,
) -> Result<()> {
    only_if.validate()?;
    if let Some(etags) = &only_if.etag_matches {
        headers.insert(target.match_(), value("etag", &etags.to_header())?);
    }
    if let Some(etags) = &only_if.etag_does_not_match {
        headers.insert(target.none_match(), value("etag", &etags.to_header())?);
    }
    if let Some(time) = only_if.uploaded_before {
        headers.insert(target.unmodified_since(), date("time of a condition", time)?);
    }
    if let Some(time) = only_if.uploaded_after {
        headers.insert(target.modified_since(), date("time of a condition", time)?);
    }
    Ok(())
}

/// Reads the headers of conditions; times compare in whole seconds. As HTTP has it, a time that is no date counts as
/// none.
///
/// # Errors
/// [`ErrorKind::InvalidInput`]: a list of etags is malformed.
pub fn read_conditional(target: ConditionTarget, headers: &HeaderMap) -> Result<Conditional> {
    let etags = |name| match text(headers, &name) {
        Some(value) => EtagList::parse_header(value).map(Some),
        None => Ok(None),
    };
    Ok(Conditional {
        etag_matches: etags(target.match_())?,
        etag_does_not_match: etags(target.none_match())?,
        uploaded_before: read_date(headers, &target.unmodified_since()),
        uploaded_after: read_date(headers, &target.modified_since()),
        seconds_granularity: true,
    })
}

/// Adds `Range`.
///
/// # Errors
/// [`ErrorKind::InvalidInput`]: the range is empty or passes 2^64.
pub fn write_range(range: Range, headers: &mut HeaderMap) -> Result<()> {
    range.validate()?;
    headers.insert(header::RANGE, value("range", &range.to_header())?);
    Ok(())
}

/// Reads `Range`. `bytes=-0` is a suffix of no bytes, which [`Range::resolve`] finds unsatisfiable.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] with the code `InvalidArgument` and R2's message: it is not one range of bytes, or ends
/// before it begins.
pub fn read_range(headers: &HeaderMap) -> Result<Option<Range>> {
    let Some(given) = headers.get(header::RANGE) else {
        return Ok(None);
    };
    given
        .to_str()
        .map_err(|_| MALFORMED_RANGE)
        .and_then(parse_range)
        .map(Some)
        .map_err(|message| Error::invalid_input(message).with_code("InvalidArgument"))
}

/// R2's message, which really ends so.
const MALFORMED_RANGE: &str =
    "range must be in format 'bytes=start-end', 'bytes=start-' or 'bytes=-suffix'.'";

fn parse_range(value: &str) -> Result<Range, &'static str> {
    let number = |text| digits(text).ok_or(MALFORMED_RANGE);
    let (first, last) = value
        .split_once('=')
        .filter(|(unit, _)| unit.trim().eq_ignore_ascii_case("bytes"))
        .and_then(|(_, range)| range.trim().split_once('-'))
        .ok_or(MALFORMED_RANGE)?;
    if first.is_empty() {
        return Ok(Range::Suffix { suffix: number(last)? });
    }
    let first = number(first)?;
    // No object reaches the last byte that can be counted.
    let offset = first.min(u64::MAX - 1);
    if last.is_empty() {
        return Ok(Range::OffsetToEnd { offset });
    }
    let more = number(last)?.checked_sub(first).ok_or("range must be positive.")?;
    Ok(Range::OffsetWithLength { offset, length: more.saturating_add(1).min(u64::MAX - offset) })
}

/// A number without a sign. One that passes 2^64 is as good as the largest.
fn digits(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

/// The value of `Content-Range` for these bytes of an object of `size` bytes.
pub fn content_range(served: ServedRange, size: u64) -> String {
    let last = served.offset.saturating_add(served.length.saturating_sub(1));
    format!("bytes {}-{last}/{size}", served.offset)
}

/// Reads `Content-Range`: the bytes, and the size of the whole object.
///
/// # Errors
/// [`ErrorKind::UnexpectedResponse`]: it is malformed, does not say the size, or lies outside of it.
pub fn read_content_range(headers: &HeaderMap) -> Result<Option<(ServedRange, u64)>> {
    let Some(given) = headers.get(header::CONTENT_RANGE) else {
        return Ok(None);
    };
    let parse = |value: &str| {
        let (range, size) = value.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (offset, last, size) = (digits(first)?, digits(last)?, digits(size)?);
        let length = last.checked_sub(offset)?.checked_add(1)?;
        (last < size).then_some((ServedRange { offset, length }, size))
    };
    let parsed = given.to_str().ok().and_then(parse);
    parsed.map(Some).ok_or_else(|| unexpected(format!("the answer's Content-Range {given:?} makes no sense")))
}

/// Reads `Content-Length`.
pub fn read_content_length(headers: &HeaderMap) -> Option<u64> {
    digits(headers.get(header::CONTENT_LENGTH)?.to_str().ok()?)
}

/// Reads `ETag`, without its quotes and weakness.
pub fn read_etag(headers: &HeaderMap) -> Option<String> {
    let value = text(headers, &header::ETAG)?;
    let etag = unquote(value.strip_prefix("W/").unwrap_or(value));
    (!etag.is_empty()).then(|| etag.to_owned())
}

/// Reads `x-amz-version-id`, the version of the object that was read or written.
pub fn read_version(headers: &HeaderMap) -> Option<String> {
    text(headers, &VERSION_ID).map(str::to_owned)
}

/// An etag without its quotes.
pub fn unquote(etag: &str) -> &str {
    let etag = etag.trim();
    etag.strip_prefix('"').and_then(|etag| etag.strip_suffix('"')).unwrap_or(etag)
}

/// Adds the headers of an object that is got: all but those of the length.
///
/// # Errors
/// [`ErrorKind::InvalidInput`]: its metadata cannot be sent in headers. A server that holds metadata which S3 cannot
/// carry has to leave it out first.
pub fn write_object(object: &Object, headers: &mut HeaderMap) -> Result<()> {
    headers.insert(header::ETAG, value("etag", &object.http_etag())?);
    headers.insert(header::LAST_MODIFIED, date("upload time", object.uploaded)?);
    if let Some(version) = &object.version {
        headers.insert(VERSION_ID, value("version", version)?);
    }
    if let Some(metadata) = &object.http_metadata {
        write_http_metadata(metadata, headers)?;
    }
    if let Some(metadata) = &object.custom_metadata {
        write_custom_metadata(metadata, headers)?;
    }
    write_storage_class(object.storage_class, headers);
    write_checksums(&object.checksums, headers);
    if let Some(range) = object.range {
        headers.insert(header::CONTENT_RANGE, value("range", &content_range(range, object.size))?);
    }
    Ok(())
}

/// Reads an object from the headers of the answer to a get or head.
///
/// # Errors
/// [`ErrorKind::UnexpectedResponse`]: there is no length, etag or `Last-Modified`, or a `Content-Range` that makes no
/// sense.
pub fn read_object(key: &str, headers: &HeaderMap) -> Result<Object> {
    let missing = |name: &str| unexpected(format!("the answer has no {name}"));
    let length = read_content_length(headers);
    let (range, size) = match read_content_range(headers)? {
        Some((range, _)) if length.is_some_and(|length| length != range.length) => {
            return Err(unexpected("the answer's Content-Length and Content-Range contradict each other"));
        }
        Some((range, size)) => (Some(range), size),
        None => (None, length.ok_or_else(|| missing("Content-Length"))?),
    };
    let etag = read_etag(headers).ok_or_else(|| missing("ETag"))?;
    let uploaded = read_date(headers, &header::LAST_MODIFIED).ok_or_else(|| missing("Last-Modified"))?;
    let mut object = Object::new(key, size, etag, uploaded);
    object.version = read_version(headers);
    object.http_metadata = Some(read_http_metadata(headers));
    object.custom_metadata = Some(read_custom_metadata(headers));
    object.checksums = read_checksums(headers);
    // Other services have classes that R2 has not.
    object.storage_class = read_storage_class(headers).ok().flatten();
    object.range = range;
    Ok(object)
}

pub(crate) fn unexpected(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::UnexpectedResponse, message)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn headers<const N: usize>(pairs: [(&'static str, &str); N]) -> HeaderMap {
        pairs
            .into_iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn an_object_survives_its_headers() {
        let time = UNIX_EPOCH + Duration::from_hours(500_000);
        let mut object = Object::new("a/../b", 100, "abc-2", time);
        object.version = Some("v".to_owned());
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
        for name in ["a b", "ä", "a:"] {
            let error = write_custom_metadata(&[(name, "x")].into_iter().collect(), &mut map).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.message().contains(name), "{error}");
        }
        assert!(write_custom_metadata(&[("a", "x\r\ny")].into_iter().collect(), &mut map).is_err());
    }

    #[test]
    fn ranges_are_read_as_r2_does() {
        let read = |value| read_range(&headers([("range", value)])).map(Option::unwrap);
        assert_eq!(read("bytes=0-0").unwrap(), Range::OffsetWithLength { offset: 0, length: 1 });
        assert_eq!(read("bytes=5-").unwrap(), Range::OffsetToEnd { offset: 5 });
        assert_eq!(read("bytes=-5").unwrap(), Range::Suffix { suffix: 5 });
        for range in [Range::from(3..9), (4..).into(), Range::Suffix { suffix: 2 }] {
            let mut map = HeaderMap::new();
            write_range(range, &mut map).unwrap();
            assert_eq!(read_range(&map).unwrap(), Some(range));
        }
        for value in ["bytes=5-4", "bytes=0-1,3-4", "bytes=-", "bytes=a-b", "lines=0-1", "bytes=+1-2", ""] {
            assert_eq!(read(value).unwrap_err().code(), Some("InvalidArgument"), "{value}");
        }
        for value in ["bytes 0-9/*", "bytes 5-4/10", "bytes 0-10/10", "bytes */10", "0-9/10"] {
            let error = read_content_range(&headers([("content-range", value)])).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{value}");
        }
    }

    #[test]
    fn conditions_round_trip_for_every_target() {
        let time = UNIX_EPOCH + Duration::from_hours(500_000);
        let mut only_if = Conditional::new().etag_matches("a").etag_does_not_match("*");
        only_if = only_if.uploaded_before(time).uploaded_after(time);
        only_if.seconds_granularity = true;
        for target in [ConditionTarget::Object, ConditionTarget::CopySource, ConditionTarget::CopyDestination]
        {
            let mut map = HeaderMap::new();
            write_conditional(&only_if, target, &mut map).unwrap();
            assert_eq!((map.len(), read_conditional(target, &map).unwrap()), (4, only_if.clone()));
        }
        let never = Conditional::new().uploaded_before(UNIX_EPOCH + Duration::from_secs(MAX_HTTP_DATE + 1));
        assert!(write_conditional(&never, ConditionTarget::Object, &mut HeaderMap::new()).is_err());
    }

    #[test]
    fn checksums_of_checksums_and_of_unknown_algorithms_are_left_out() {
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
        assert_eq!(read_request_checksums(&map).unwrap_err().code(), Some("InvalidDigest"));
        let sha512 = Checksum::of(ChecksumAlgorithm::Sha512, b"");
        let error = write_checksum(&sha512, &mut HeaderMap::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
