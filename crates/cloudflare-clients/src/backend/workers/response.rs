//! Objects and errors as responses of a Worker.

use http::{StatusCode, header};
use worker::{EncodeBody, Response, ResponseBuilder};

use super::{error, headers};
use crate::body::ForJs;
use crate::error::{Error, ErrorKind, Result};
use crate::r2::ObjectBody;

impl ObjectBody {
    /// Converts the object to a response of a Worker: 200, or 206 for a range, with the object's
    /// [headers](crate::r2::Object::response_headers).
    ///
    /// The bytes go from R2 to the client without passing through the Worker's memory, unless their
    /// [progress](Self::on_progress) is reported. They are neither verified nor resumed on the way; R2 and
    /// the client check the length. A body that is stored with a content encoding is not encoded again.
    ///
    /// # Errors
    /// [`ErrorKind::UnexpectedResponse`] if the stored metadata has control characters, which a header cannot
    /// carry.
    pub fn into_worker_response(self) -> Result<Response> {
        let Self { object, body } = self;
        // Invalid stored metadata is not the client's fault.
        let stored = |error: Error| error.with_kind(ErrorKind::UnexpectedResponse);
        let headers = object.response_headers().map_err(stored)?;
        let encoded = headers.contains_key(header::CONTENT_ENCODING);
        let response = ResponseBuilder::new()
            .with_status(object.response_status().as_u16())
            .with_headers(headers::to_js(&headers).map_err(stored)?)
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

impl Error {
    /// Converts the error to a response of a Worker: [`http_status`](Self::http_status) with
    /// [`response_headers`](Self::response_headers), and the name of the status as text. A 304 has no body.
    ///
    /// The client learns nothing else: neither the key nor the service's message. Log the error before.
    ///
    /// # Errors
    /// The errors of the runtime, if it rejects a header.
    pub fn into_worker_response(self) -> worker::Result<Response> {
        let status = self.http_status();
        let response = ResponseBuilder::new()
            .with_status(status.as_u16())
            .with_headers(headers::to_js(&self.response_headers())?);
        if status == StatusCode::NOT_MODIFIED {
            return Ok(response.empty());
        }
        let reason = status.canonical_reason().unwrap_or_default();
        Ok(response.with_header("content-type", "text/plain; charset=utf-8")?.fixed(reason.into()))
    }
}

impl From<Error> for worker::Error {
    fn from(error: Error) -> Self {
        Self::RustError(error.to_string())
    }
}
