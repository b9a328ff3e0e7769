//! Objects and errors as answers of a Worker.

use http::header;
use worker::{EncodeBody, Response, ResponseBuilder};

use super::error;
use crate::body::ForJs;
use crate::error::{Error, Result};
use crate::r2::ObjectBody;

impl ObjectBody {
    /// The answer of a Worker with this object: 200, or 206 where a range was got, with its
    /// [headers](crate::r2::Object::response_headers).
    ///
    /// The bytes go from R2 to the client without passing through the Worker's memory, unless their
    /// [progress](Self::on_progress) is reported. What passes by is neither verified nor resumed: R2 and the client hold
    /// each other to the length. A body that is stored with a content encoding is not encoded again.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the stored metadata cannot be sent in headers.
    pub fn into_worker_response(self) -> Result<Response> {
        let Self { object, body } = self;
        let headers = object.response_headers()?;
        let encoded = headers.contains_key(header::CONTENT_ENCODING);
        let response = ResponseBuilder::new()
            .with_status(object.response_status().as_u16())
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

impl From<Error> for worker::Error {
    fn from(error: Error) -> Self {
        Self::RustError(error.to_string())
    }
}
