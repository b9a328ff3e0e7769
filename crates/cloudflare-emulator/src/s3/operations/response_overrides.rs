//! `response-content-type` and similar parameters, with which a read overrides headers of the answer, such as
//! the file name of a presigned URL.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::s3::error::S3Error;
use crate::uri::Query;

const OVERRIDES: [(&str, HeaderName); 6] = [
    ("response-cache-control", header::CACHE_CONTROL),
    ("response-content-disposition", header::CONTENT_DISPOSITION),
    ("response-content-encoding", header::CONTENT_ENCODING),
    ("response-content-language", header::CONTENT_LANGUAGE),
    ("response-content-type", header::CONTENT_TYPE),
    ("response-expires", header::EXPIRES),
];

/// Returns the headers given by the query.
///
/// # Errors
/// A value has control characters.
pub(super) fn parse(query: &Query) -> Result<HeaderMap, S3Error> {
    let mut headers = HeaderMap::new();
    for (parameter, header) in OVERRIDES {
        if let Some(value) = query.get(parameter) {
            let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| {
                S3Error::invalid_argument(format!("The value of {parameter} cannot be a header's"))
            })?;
            headers.insert(header, value);
        }
    }
    Ok(headers)
}
