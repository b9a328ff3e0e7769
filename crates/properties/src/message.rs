//! A request in the form of the inputs: `METHOD TARGET`, a line per header, an empty line, the body.

use cloudflare_clients::sigv4::encode;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use percent_encoding::percent_decode_str;

pub(crate) struct Message<'i> {
    pub(crate) method: Method,
    pub(crate) target: &'i [u8],
    pub(crate) headers: HeaderMap,
    pub(crate) body: &'i [u8],
}

impl<'i> Message<'i> {
    /// Returns `None` if HTTP has no such request. Skips lines that are not headers, and headers that
    /// describe how the message is sent, which the sender sets.
    pub(crate) fn parse(input: &'i [u8]) -> Option<Self> {
        let (first, mut rest) = line(input);
        let (method, target) = split(first, b' ')?;
        let mut headers = HeaderMap::new();
        while !rest.is_empty() {
            let (header, after) = line(rest);
            rest = after;
            if header.is_empty() {
                break;
            }
            let Some((name, value)) = split(header, b':') else { continue };
            let (Ok(name), Ok(value)) =
                (HeaderName::from_bytes(name), HeaderValue::from_bytes(value.trim_ascii()))
            else {
                continue;
            };
            if !OF_THE_SENDER.contains(&name.as_str()) {
                headers.append(name, value);
            }
        }
        Some(Self { method: Method::from_bytes(method).ok()?, target, headers, body: rest })
    }
}

/// Returns the path and the query of a target, if it has them.
pub(crate) fn path_and_query(target: Vec<u8>) -> Option<PathAndQuery> {
    PathAndQuery::try_from(target).ok().filter(|target| target.path().starts_with('/'))
}

const OF_THE_SENDER: &[&str] = &[
    "authorization",
    "connection",
    "content-length",
    "expect",
    "host",
    "te",
    "transfer-encoding",
    "upgrade",
    "x-amz-content-sha256",
    "x-amz-date",
];

fn line(input: &[u8]) -> (&[u8], &[u8]) {
    split(input, b'\n').unwrap_or((input, &[]))
}

/// Returns the bytes before and after the first `at`.
pub(crate) fn split(input: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let index = input.iter().position(|byte| *byte == at)?;
    Some((&input[..index], &input[index + 1..]))
}

/// Returns a path in its signed form: decoded once, so that `%2F` is a slash, and then encoded according to
/// SigV4.
pub(crate) fn canonical_path(path: &str) -> String {
    let decoded = percent_decode_str(path).collect::<Vec<u8>>();
    let mut canonical = String::new();
    for (index, segment) in decoded.split(|byte| *byte == b'/').enumerate() {
        if index > 0 {
            canonical.push('/');
        }
        encode(segment, &mut canonical);
    }
    canonical
}
