//! Compression of answers as by Cloudflare's edge.

use std::io::Write as _;

use bytes::Bytes;
use cloudflare_clients::{Error, ErrorKind, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt as _};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::response::{self, Response};

/// Content types that are
/// [compressed](https://developers.cloudflare.com/speed/optimization/content/compression/).
const CONTENT_TYPES: &[&str] = &[
    "text/html",
    "text/richtext",
    "text/plain",
    "text/css",
    "text/x-script",
    "text/x-component",
    "text/x-java-source",
    "text/x-markdown",
    "application/javascript",
    "application/x-javascript",
    "text/javascript",
    "text/js",
    "image/x-icon",
    "image/vnd.microsoft.icon",
    "application/x-perl",
    "application/x-httpd-cgi",
    "text/xml",
    "application/xml",
    "application/rss+xml",
    "application/vnd.api+json",
    "application/x-protobuf",
    "application/json",
    "multipart/bag",
    "multipart/mixed",
    "application/xhtml+xml",
    "font/ttf",
    "font/otf",
    "font/x-woff",
    "image/svg+xml",
    "application/vnd.ms-fontobject",
    "application/ttf",
    "application/x-ttf",
    "application/otf",
    "application/x-otf",
    "application/truetype",
    "application/opentype",
    "application/x-opentype",
    "application/font-woff",
    "application/eot",
    "application/font",
    "application/font-sfnt",
    "application/wasm",
    "application/javascript-binast",
    "application/manifest+json",
    "application/ld+json",
    "application/graphql+json",
    "application/geo+json",
];

/// Minimum length of an answer that is compressed, in bytes.
const MIN_LENGTH: u64 = 48;

/// Whether the client of a request with these headers accepts gzip.
pub(crate) fn is_accepted(headers: &HeaderMap) -> bool {
    let accepts = |known: &str| {
        let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).find_map(|coding| {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
            let weight = weight.trim().trim_start_matches(['q', 'Q']).strip_prefix('=');
            let is_refused = weight.and_then(|weight| weight.trim().parse().ok()) == Some(0.0);
            name.trim().eq_ignore_ascii_case(known).then_some(!is_refused)
        })
    };
    // The name of the coding takes precedence over `*`.
    accepts("gzip").or_else(|| accepts("*")).unwrap_or(false)
}

/// Compresses an answer if its type is compressed. An answer to HEAD only gets the headers.
pub(crate) fn compress(method: &Method, response: Response) -> Response {
    if !is_compressed(&response) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    parts.headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    // The bytes differ from those of the strong etag.
    let etag = parts.headers.get(header::ETAG).and_then(|etag| etag.to_str().ok());
    let weak = etag
        .filter(|etag| !etag.starts_with("W/"))
        .and_then(|etag| HeaderValue::try_from(format!("W/{etag}")).ok());
    if let Some(weak) = weak {
        parts.headers.insert(header::ETAG, weak);
    }
    let body = match *method {
        Method::HEAD => response::empty(parts.status).into_body(),
        _ => response::body_of(gzip(response::stream_of(body))),
    };
    Response::from_parts(parts, body)
}

fn is_compressed(response: &Response) -> bool {
    let headers = response.headers();
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let content_type = text(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
    let length = match headers.get(header::CONTENT_LENGTH) {
        Some(length) => length.to_str().ok().and_then(|length| length.parse().ok()),
        None => http_body::Body::size_hint(response.body()).exact(),
    };
    [StatusCode::OK, StatusCode::FORBIDDEN, StatusCode::NOT_FOUND].contains(&response.status())
        && !headers.contains_key(header::CONTENT_ENCODING)
        && !text(header::CACHE_CONTROL).contains("no-transform")
        && length.is_none_or(|length| length >= MIN_LENGTH)
        && CONTENT_TYPES.iter().any(|known| content_type.eq_ignore_ascii_case(known))
}

fn gzip(bytes: BoxStream<'static, Result<Bytes>>) -> impl Stream<Item = Result<Bytes>> + Send {
    let encoder = GzEncoder::new(Vec::new(), Compression::fast());
    stream::try_unfold(Some((bytes, encoder)), |state| async move {
        let Some((mut bytes, mut encoder)) = state else { return Ok(None) };
        while let Some(piece) = bytes.next().await.transpose()? {
            encoder.write_all(&piece).map_err(failed)?;
            let ready = std::mem::take(encoder.get_mut());
            if !ready.is_empty() {
                return Ok(Some((Bytes::from(ready), Some((bytes, encoder)))));
            }
        }
        Ok(Some((encoder.finish().map_err(failed)?.into(), None)))
    })
}

fn failed(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Storage, "cannot compress an answer").with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_has_to_be_accepted() {
        for (value, accepted) in [
            (None, false),
            (Some(""), false),
            (Some("identity"), false),
            (Some("br, zstd"), false),
            (Some("gzip"), true),
            (Some("br;q=1.0, GZIP;q=0.5"), true),
            (Some("*"), true),
            (Some("gzip;q=0"), false),
            (Some("gzip; q=0.0, br"), false),
            (Some("gzip;Q=0, *"), false),
            (Some("*;q=0, gzip"), true),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            }
            assert_eq!(is_accepted(&headers), accepted, "{value:?}");
        }
    }
}
