//! A request, before and after it is signed.

use std::time::SystemTime;

use http::{HeaderMap, HeaderValue, Method, Uri, header};

use super::headers::{self, CONTENT_MD5};
use crate::body::Body;
use crate::error::{Error, Result};
use crate::model::r2::Checksum;
use crate::signing::endpoint::Endpoint;
use crate::sigv4::{Payload, RequestTarget, Signer, canonical_query};
use crate::transport::headers::value;

/// A request about an account, a bucket or an object, before it is signed.
#[derive(Debug)]
pub struct Request {
    /// HTTP method of the request.
    pub method: Method,
    /// Key of the object. `None` if the request is about the bucket.
    pub key: Option<String>,
    /// Names and values of the query, not encoded, in any order.
    pub query: Vec<(&'static str, String)>,
    /// The headers, except `Host`, `Content-Length` and those of the signature.
    pub headers: HeaderMap,
    /// The body, whose length must be known when it is sent.
    pub body: Body,
}

impl Request {
    /// Creates a request without a query, headers and body.
    pub(crate) fn new(method: Method, key: Option<&str>) -> Self {
        Self {
            method,
            key: key.map(str::to_owned),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Body::empty(),
        }
    }

    pub(crate) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(crate) fn query_if_some(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.query(name, value.to_string()),
            None => self,
        }
    }

    /// Adds the bytes of an object or part, and their expected checksum.
    pub(crate) fn content(mut self, body: Body, checksum: Option<&Checksum>) -> Result<Self> {
        if let Some(checksum) = checksum {
            headers::write_checksum(checksum, &mut self.headers)?;
        }
        self.body = body;
        Ok(self)
    }

    /// Adds an XML document as the body.
    pub(crate) fn xml(mut self, document: String) -> Result<Self> {
        let md5 = Checksum::md5_of(document.as_bytes());
        self.headers.insert(CONTENT_MD5, value("checksum", &md5.to_base64())?);
        self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        self.body = document.into();
        Ok(self)
    }

    /// Converts the request to a signed HTTP request, with its URL and all headers. The signature does not
    /// cover the body. R2 accepts it within 15 minutes of `now`, before or after. Without a bucket, the
    /// request is about the account.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) if the key or bucket is not valid, a header cannot be
    /// signed, or the length of the body is unknown.
    pub fn sign<'b>(
        self,
        endpoint: &Endpoint,
        bucket: impl Into<Option<&'b str>>,
        signer: &Signer,
        now: SystemTime,
    ) -> Result<http::Request<Body>> {
        let Self { method, key, query, mut headers, body } = self;
        let bucket = bucket.into();
        let host = endpoint.host_for(bucket)?;
        let path = endpoint.path_for(bucket, key.as_deref())?;
        let query = canonical_query(query);
        let length = body.known_length()?;

        headers.insert(header::HOST, value("host", &host)?);
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if method == Method::PUT || method == Method::POST {
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        let payload = if length == 0 { Payload::Empty } else { Payload::Unsigned };
        let target = RequestTarget::new(&method, &host, &path).query(&query);
        signer.sign_headers(target, &mut headers, &payload, now)?;

        let path_and_query = if query.is_empty() { path } else { format!("{path}?{query}") };
        let uri =
            Uri::builder().scheme(endpoint.scheme()).authority(host).path_and_query(path_and_query).build();
        let uri = uri.map_err(|error| {
            Error::invalid_input("the URL of the request is not valid").with_source(error)
        })?;
        let mut request = http::Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }
}
