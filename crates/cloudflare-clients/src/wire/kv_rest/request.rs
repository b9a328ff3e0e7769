//! A request, before and after it is authorised.

use http::{HeaderValue, Method, Uri, header};
use serde::Serialize;

use super::namespace_url::NamespaceUrl;
use super::namespaces_url::NamespacesUrl;
use super::token::ApiToken;
use crate::body::Body;
use crate::error::{Error, Result};
use crate::json;
use crate::sigv4::{canonical_query, encode};

/// A request about a namespace or about the namespaces of an account, before it has a URL and a token.
#[derive(Debug)]
pub struct Request {
    /// HTTP method of the request.
    pub method: Method,
    /// The path after that of the namespace or namespaces, percent-encoded: `/values/a%2Fb`.
    pub path: String,
    /// Names and values of the query, not encoded, in any order.
    pub query: Vec<(&'static str, String)>,
    /// The `Content-Type` of the body, if there is one.
    pub content_type: Option<String>,
    /// The body, whose length must be known when it is sent.
    pub body: Body,
}

impl Request {
    pub(super) fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), query: Vec::new(), content_type: None, body: Body::empty() }
    }

    /// A request about a key. The whole key is encoded, including slashes.
    pub(super) fn of_key(method: Method, what: &str, key: &str) -> Self {
        let mut path = format!("/{what}/");
        encode(key, &mut path);
        Self::new(method, path)
    }

    pub(super) fn query_if_some(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            self.query.push((name, value.to_string()));
        }
        self
    }

    pub(super) fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Result<Self> {
        self.body = json::to_vec("the request", value)?.into();
        self.content_type = Some("application/json".to_owned());
        Ok(self)
    }

    /// Converts the request to an HTTP request about a namespace, with its URL and all headers.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) if the length of the body is unknown.
    pub fn authorize(self, url: &NamespaceUrl, token: &ApiToken) -> Result<http::Request<Body>> {
        self.below(url.namespaces(), url.path()?, token)
    }

    /// Converts the request to an HTTP request about the namespaces of an account.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) if the length of the body is unknown.
    pub fn authorize_for_account(self, url: &NamespacesUrl, token: &ApiToken) -> Result<http::Request<Body>> {
        self.below(url, url.path()?, token)
    }

    fn below(self, url: &NamespacesUrl, base: String, token: &ApiToken) -> Result<http::Request<Body>> {
        let Self { method, path, query, content_type, body } = self;
        let length = body.content_length().ok_or_else(|| {
            Error::invalid_input(
                "the length of the value is unknown, and the API needs it: collect the value into bytes",
            )
        })?;
        let host = url.host()?;
        let mut target = base + &path;
        if !query.is_empty() {
            target.push('?');
            target.push_str(&canonical_query(query));
        }
        let uri = Uri::builder().scheme(url.scheme()).authority(host.as_str()).path_and_query(target);
        let invalid = |error| Error::invalid_input("the URL of the request is not valid").with_source(error);
        let uri = uri.build().map_err(invalid)?;
        let mut request = http::Request::new(body);
        let headers = request.headers_mut();
        headers.insert(header::HOST, crate::transport::headers::value("host", &host)?);
        headers.insert(header::AUTHORIZATION, token.to_header()?);
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(content_type) = content_type {
            headers.insert(
                header::CONTENT_TYPE,
                crate::transport::headers::value("content type", &content_type)?,
            );
        }
        if method == Method::PUT || method == Method::POST {
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        Ok(request)
    }
}
