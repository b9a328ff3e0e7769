//! A request, and what it is when it is signed.

use std::time::SystemTime;

use http::{HeaderMap, HeaderValue, Method, Uri, header};

use super::headers::{self, CONTENT_MD5};
use crate::body::Body;
use crate::error::{Error, Result};
use crate::model::r2::Checksum;
use crate::signing::endpoint::Endpoint;
use crate::sigv4::{Payload, RequestTarget, Signer, canonical_query};
use crate::transport::headers::value;

/// A request about a bucket or one of its objects, before it is signed.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The object's key. `None`: the request is about the bucket.
    pub key: Option<String>,
    /// Names and values of the query, not encoded, in any order.
    pub query: Vec<(&'static str, String)>,
    /// The headers but for `Host`, `Content-Length` and those of the signature.
    pub headers: HeaderMap,
    /// The body. Its length is known.
    pub body: Body,
}

impl Request {
    /// A request with no query, headers and body.
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

    /// Adds the bytes of an object or part, and what the caller says that they must hash to.
    pub(crate) fn content(mut self, body: Body, checksum: Option<&Checksum>) -> Result<Self> {
        if let Some(checksum) = checksum {
            headers::write_checksum(checksum, &mut self.headers)?;
        }
        self.body = body;
        Ok(self)
    }

    /// Adds a document.
    pub(crate) fn xml(mut self, document: String) -> Result<Self> {
        let md5 = Checksum::md5_of(document.as_bytes());
        self.headers.insert(CONTENT_MD5, value("checksum", &md5.to_base64())?);
        self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        self.body = document.into();
        Ok(self)
    }

    /// What is sent: with its URL, all headers and the signature, which does not cover the body. R2 takes it for 15
    /// minutes either side of `now`. Without a bucket it is about the account.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the key or bucket is not valid, a header cannot be signed, or the length
    /// of the body is not known.
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
        let uri =
            uri.map_err(|error| Error::invalid_input("the request has no valid URL").with_source(error))?;
        let mut request = http::Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }
}
