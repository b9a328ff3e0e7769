//! Objects as HTTP responses of a server.

use http::{Response, StatusCode};

use super::object::{Object, ObjectBody};
use crate::body::Body;
use crate::error::ErrorKind;

impl Object {
    /// The status of a response with this object, or with a range of it.
    pub(crate) fn response_status(&self) -> StatusCode {
        if self.range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK }
    }

    /// Creates the response to a HEAD of this object: 200 with its [headers](Self::response_headers),
    /// including the length of the body that a GET has.
    ///
    /// If a header cannot carry the metadata, the response is a 502, as for
    /// [`ObjectBody::into_http_response`].
    ///
    /// ```
    /// # use cloudflare_clients::{Error, ErrorKind, LocalBucket, http, r2::{Body, R2Service}};
    /// async fn head(r2: &R2Service, key: &str, request: &http::request::Parts) -> http::Response<Body> {
    ///     match r2.head(key).http_request(request).await {
    ///         Ok(Some(object)) => object.into_http_response(),
    ///         Ok(None) => Error::new(ErrorKind::NoSuchKey, "no such object").into_http_response(),
    ///         Err(error) => error.into_http_response(),
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let r2 = R2Service::new(LocalBucket::open(folder.path(), "media").await?);
    /// r2.put("notes.txt", "0123456789").await?;
    /// let (request, ()) = http::Request::head("/notes.txt").body(()).unwrap().into_parts();
    /// let response = head(&r2, "notes.txt", &request).await;
    /// assert_eq!(response.status(), 200);
    /// assert_eq!(response.headers()["content-length"], "10");
    /// assert_eq!(response.body().content_length(), Some(0));
    /// # Ok(()) }
    /// ```
    pub fn into_http_response(self) -> Response<Body> {
        respond(&self, Body::empty())
    }
}

impl ObjectBody {
    /// Creates the response to a GET of this object: 200, or 206 for a range, with its
    /// [headers](Object::response_headers) and its bytes, which are passed on as they arrive.
    ///
    /// hyper, axum and other servers that build on [`http`] can return it directly: its [`Body`] is an
    /// [`http_body::Body`](https://docs.rs/http-body). A proxy needs only this,
    /// [`Get::http_request`](crate::r2::Get::http_request), which reads ranges and conditions, and
    /// [`Error::into_http_response`](crate::Error::into_http_response), which creates the other responses.
    /// You can add headers: custom metadata is not included, and `Cache-Control` only if the object is stored
    /// with one.
    ///
    /// If a header cannot carry the metadata, the response is a 502. Over S3 there are no such objects.
    ///
    /// ```
    /// use cloudflare_clients::r2::{Body, R2Service};
    /// use cloudflare_clients::{Error, ErrorKind, http};
    /// # use cloudflare_clients::LocalBucket;
    ///
    /// async fn media(r2: &R2Service, key: &str, request: &http::request::Parts) -> http::Response<Body> {
    ///     match r2.get(key).http_request(request).await {
    ///         Ok(Some(object)) => object.into_http_response(),
    ///         Ok(None) => Error::new(ErrorKind::NoSuchKey, "no such object").into_http_response(),
    ///         Err(error) => error.into_http_response(),
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let r2 = R2Service::new(LocalBucket::open(folder.path(), "media").await?);
    /// let stored = r2.put("notes.txt", "0123456789").content_type("text/plain").await?;
    /// let get = |name: &str, value: &str| {
    ///     let request = http::Request::get("/notes.txt").header(name, value);
    ///     request.body(()).unwrap().into_parts().0
    /// };
    ///
    /// let response = media(&r2, "notes.txt", &get("range", "bytes=2-4")).await;
    /// assert_eq!(response.status(), 206);
    /// assert_eq!(response.headers()["content-range"], "bytes 2-4/10");
    /// assert_eq!(response.headers()["content-type"], "text/plain");
    /// assert_eq!(response.into_body().text().await?, "234");
    ///
    /// let response = media(&r2, "notes.txt", &get("if-none-match", &stored.http_etag())).await;
    /// assert_eq!(response.status(), 304);
    /// let response = media(&r2, "notes.txt", &get("range", "bytes=10-")).await;
    /// assert_eq!(response.status(), 416);
    /// assert_eq!(response.headers()["content-range"], "bytes */10");
    /// # Ok(()) }
    /// ```
    ///
    /// The same as an axum handler, with the service as its `State` and the key as its `Path`:
    ///
    /// ```
    /// # mod axum { pub mod extract { pub struct State<T>(pub T); pub struct Path<T>(pub T); } }
    /// use axum::extract::{Path, State};
    /// use cloudflare_clients::r2::{Body, R2Service};
    /// use cloudflare_clients::{Error, ErrorKind, http};
    ///
    /// async fn media(
    ///     State(r2): State<R2Service>,
    ///     Path(key): Path<String>,
    ///     request: http::request::Parts,
    /// ) -> http::Response<Body> {
    ///     match r2.get(key).http_request(&request).await {
    ///         Ok(Some(object)) => object.into_http_response(),
    ///         Ok(None) => Error::new(ErrorKind::NoSuchKey, "no such object").into_http_response(),
    ///         Err(error) => error.into_http_response(),
    ///     }
    /// }
    /// ```
    pub fn into_http_response(self) -> Response<Body> {
        let Self { object, body } = self;
        respond(&object, body)
    }
}

fn respond(object: &Object, body: Body) -> Response<Body> {
    match object.response_headers() {
        Ok(headers) => {
            let mut response = Response::new(body);
            *response.status_mut() = object.response_status();
            *response.headers_mut() = headers;
            response
        }
        // Unusable stored metadata is not the client's fault.
        Err(error) => error.with_kind(ErrorKind::UnexpectedResponse).into_http_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::model::r2::{HttpMetadata, ServedRange};

    #[test]
    fn the_status_says_whether_it_is_a_range() {
        let mut object = Object::new("a", 10, "abc", UNIX_EPOCH);
        assert_eq!(object.clone().into_http_response().status(), StatusCode::OK);
        object.range = Some(ServedRange { offset: 2, length: 3 });
        let response = ObjectBody::new(object, "234").into_http_response();
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(response.headers()["content-range"], "bytes 2-4/10");
        assert_eq!(response.body().content_length(), Some(3));
    }

    #[test]
    fn metadata_that_cannot_be_sent_is_not_the_clients_fault() {
        let mut object = Object::new("a", 10, "abc", UNIX_EPOCH);
        object.http_metadata = Some(HttpMetadata {
            content_type: Some("text/plain\r\nset-cookie: a=b".to_owned()),
            ..HttpMetadata::default()
        });
        let response = object.into_http_response();
        assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
        assert_eq!(response.into_body().as_bytes().unwrap(), "Bad Gateway");
    }
}
