//! Errors as responses of a server.

use http::{HeaderValue, Response, StatusCode, header};

use crate::body::Body;
use crate::error::Error;

impl Error {
    /// Converts the error to a response of a server: [`http_status`](Self::http_status) with
    /// [`response_headers`](Self::response_headers), and the name of the status as text. A 304 has no body.
    ///
    /// The client learns nothing else: neither the key nor the service's message. Log the error before.
    ///
    /// ```
    /// use cloudflare_clients::{Error, ErrorKind};
    ///
    /// let error = Error::new(ErrorKind::Credentials, "the key id abc is unknown");
    /// let response = error.into_http_response();
    /// assert_eq!(response.status(), 500);
    /// assert_eq!(response.body().as_bytes().unwrap(), "Internal Server Error");
    /// ```
    pub fn into_http_response(self) -> Response<Body> {
        let status = self.http_status();
        let mut headers = self.response_headers();
        let mut body = Body::empty();
        if status != StatusCode::NOT_MODIFIED {
            let reason = status.canonical_reason().unwrap_or_default();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
            headers.insert(header::CONTENT_LENGTH, reason.len().into());
            body = reason.into();
        }
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::ErrorKind;
    use crate::transport::headers::header_map;

    #[test]
    fn an_answer_tells_nothing_internal() {
        let error = Error::from_status(StatusCode::FORBIDDEN, "the key id AKIA is not known")
            .with_kind(ErrorKind::Credentials)
            .with_code("Unauthorized")
            .with_source(std::io::Error::other("secret"))
            .with_key("tenants/7/invoice.pdf");
        let response = error.into_http_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(
            *response.headers(),
            header_map([("content-type", "text/plain; charset=utf-8"), ("content-length", "21")])
        );
        assert_eq!(response.into_body().as_bytes().unwrap(), "Internal Server Error");
    }

    #[test]
    fn it_has_the_headers_of_its_status() {
        let unchanged = Error::new(ErrorKind::NotModified, "x")
            .with_object_headers(&header_map([("etag", "\"abc\""), ("content-type", "video/mp4")]))
            .into_http_response();
        assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(*unchanged.headers(), header_map([("etag", "\"abc\"")]));
        assert_eq!(unchanged.body().content_length(), Some(0));

        let outside = Error::new(ErrorKind::RangeNotSatisfiable, "x").with_size(10).into_http_response();
        assert_eq!(outside.headers()["content-range"], "bytes */10");
        let busy = Error::new(ErrorKind::RateLimited, "x").with_retry_after(Duration::from_millis(1500));
        let busy = busy.into_http_response();
        assert_eq!((busy.status().as_u16(), &busy.headers()["retry-after"]), (503, &"2".parse().unwrap()));
    }
}
