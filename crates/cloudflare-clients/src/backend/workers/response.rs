//! Objects as answers of a Worker.

use http::{HeaderMap, HeaderValue, header};
use worker::{EncodeBody, Response, ResponseBuilder};

use super::error;
use crate::error::Result;
use crate::r2::{ForJs, ObjectBody};
use crate::s3::headers::{content_range, date, value, write_http_metadata};

impl ObjectBody {
    /// The answer of a Worker with this object: 200, or 206 where a range was got, with the object's HTTP metadata, `ETag`,
    /// `Last-Modified`, `Accept-Ranges`, and the length and range.
    ///
    /// The bytes go from R2 to the client without passing through the Worker's memory, unless their
    /// [progress](Self::on_progress) is reported. What passes by is neither verified nor resumed: R2 and the client hold
    /// each other to the length. A body that is stored with a content encoding is not encoded again.
    ///
    /// Custom metadata stays with the Worker.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the stored metadata cannot be sent in headers.
    pub fn into_worker_response(self) -> Result<Response> {
        let Self { object, body } = self;
        let mut headers = HeaderMap::new();
        if let Some(metadata) = &object.http_metadata {
            write_http_metadata(metadata, &mut headers)?;
        }
        headers.insert(header::ETAG, value("etag", &object.http_etag())?);
        headers.insert(header::LAST_MODIFIED, date("upload time", object.uploaded)?);
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        let mut status = 200;
        if let Some(range) = object.range {
            status = 206;
            headers.insert(header::CONTENT_RANGE, value("range", &content_range(range, object.size))?);
        }
        if let Some(length) = body.content_length() {
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        let encoded = headers.contains_key(header::CONTENT_ENCODING);
        let response = ResponseBuilder::new()
            .with_status(status)
            .with_headers(headers.into())
            .with_encode_body(if encoded { EncodeBody::Manual } else { EncodeBody::Automatic });
        match body.into_js() {
            ForJs::Bytes(bytes) => Ok(response.fixed(bytes.into())),
            ForJs::Readable(stream) => Ok(response.stream(stream)),
            ForJs::Stream(stream) => {
                response.from_stream(stream).map_err(|failed| error::from_worker(&failed))
            }
        }
    }
}

impl From<crate::Error> for worker::Error {
    fn from(error: crate::Error) -> Self {
        Self::RustError(error.to_string())
    }
}
