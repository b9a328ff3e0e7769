//! Objects and ranges as HTTP headers, written by a client or server and read by the other.

use http::{HeaderMap, header};

use super::error_code::INVALID_ARGUMENT;
use super::metadata::HttpMetadata;
use super::range::{Range, ServedRange};
use crate::error::{Error, Result};
use crate::transport::headers::{date, digits, read_date, text, value};

/// Adds the headers of HTTP metadata.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind): a value has control characters, or the expiry is not in the
/// years 1970 to 9999.
pub fn write_http_metadata(metadata: &HttpMetadata, headers: &mut HeaderMap) -> Result<()> {
    for (field, text) in metadata.texts() {
        headers.insert(&field.header, value(field.what, text)?);
    }
    if let Some(expiry) = metadata.cache_expiry {
        headers.insert(header::EXPIRES, date("cache expiry", expiry)?);
    }
    Ok(())
}

/// Reads HTTP metadata. An `Expires` that is not a date is ignored.
pub fn read_http_metadata(headers: &HeaderMap) -> HttpMetadata {
    HttpMetadata {
        cache_expiry: read_date(headers, &header::EXPIRES),
        ..HttpMetadata::from_texts(|field| text(headers, &field.header).map(str::to_owned))
    }
}

/// Adds the `Range` header.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind): the range is empty or exceeds 2^64.
pub fn write_range(range: Range, headers: &mut HeaderMap) -> Result<()> {
    range.validate()?;
    headers.insert(header::RANGE, value("range", &range.to_header())?);
    Ok(())
}

/// Reads the `Range` header. `bytes=-0` is a suffix of no bytes, which [`Range::resolve`] finds
/// unsatisfiable. Two header lines are two ranges.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind) with the code `InvalidArgument` and R2's message: the header
/// is not one range of bytes, or the range ends before it starts.
pub fn read_range(headers: &HeaderMap) -> Result<Option<Range>> {
    let mut lines = headers.get_all(header::RANGE).iter();
    let Some(given) = lines.next() else {
        return Ok(None);
    };
    let only = given.to_str().ok().filter(|_| lines.next().is_none());
    only.ok_or(MALFORMED_RANGE)
        .and_then(parse_range)
        .map(Some)
        .map_err(|message| Error::invalid_input(message).with_code(INVALID_ARGUMENT.name))
}

/// R2's message, with its odd ending.
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

/// The value of `Content-Range` for these bytes of an object of `size` bytes.
pub fn content_range(served: ServedRange, size: u64) -> String {
    let last = served.offset.saturating_add(served.length.saturating_sub(1));
    format!("bytes {}-{last}/{size}", served.offset)
}

/// Reads `Content-Range`: the bytes, and the size of the whole object.
///
/// # Errors
/// [`ErrorKind::UnexpectedResponse`](crate::ErrorKind): the header is malformed, lacks the size, or lies
/// outside the object.
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
    parsed
        .map(Some)
        .ok_or_else(|| Error::unexpected(format!("the response has an invalid Content-Range: {given:?}")))
}

/// Reads `ETag` without its quotes and its `W/`.
///
/// # Errors
/// [`ErrorKind::UnexpectedResponse`](crate::ErrorKind): the response has no etag, or one that contains a
/// quote.
pub fn read_etag(headers: &HeaderMap) -> Result<String> {
    let value = text(headers, &header::ETAG).unwrap_or_default();
    check_etag(unquote(value.strip_prefix("W/").unwrap_or(value))).map(str::to_owned)
}

/// Refuses an etag of a response that no condition can name.
pub(crate) fn check_etag(etag: &str) -> Result<&str> {
    if etag.is_empty() {
        return Err(Error::unexpected("the response has no ETag"));
    }
    if !is_etag(etag) {
        return Err(Error::unexpected(format!("the response has an invalid ETag: {etag:?}")));
    }
    Ok(etag)
}

/// Whether the text can be put in quotes as an etag.
pub(super) fn is_etag(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte != b'"' && !byte.is_ascii_control())
}

/// Returns an etag without its quotes.
pub fn unquote(etag: &str) -> &str {
    let etag = etag.trim();
    etag.strip_prefix('"').and_then(|etag| etag.strip_suffix('"')).unwrap_or(etag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::transport::headers::header_map as headers;

    #[test]
    fn an_etag_that_no_condition_can_name_is_refused() {
        let read = |value| read_etag(&headers([("etag", value)]));
        for value in ["\"abc\"", "W/\"abc\"", "abc"] {
            assert_eq!(read(value).unwrap(), "abc", "{value}");
        }
        for (value, why) in [
            ("", "has no ETag"),
            ("\"\"", "has no ETag"),
            ("abc\"", "has an invalid ETag"),
            ("\"a\"c\"", "has an invalid ETag"),
        ] {
            let error = read(value).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{value}");
            assert!(error.message().contains(why), "{error}");
        }
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
}
