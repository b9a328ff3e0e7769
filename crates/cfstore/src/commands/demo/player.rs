//! A client that knows nothing but URLs: plain HTTP, no credentials.

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// Far above the largest file of the package.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct Player(Client<HttpConnector, Empty<Bytes>>);

pub(super) struct Answer {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Player {
    pub(super) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self(Client::builder(TokioExecutor::new()).build(connector))
    }

    /// What a GET of the URL answers.
    pub(super) async fn fetch(&self, url: &str) -> Result<Answer, String> {
        let url = url.parse().map_err(|error| format!("no URL: {error}"))?;
        let answer = self.0.get(url).await.map_err(|error| format!("no answer: {error}"))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, MAX_ANSWER)
            .collect()
            .await
            .map_err(|error| format!("the answer broke off: {error}"))?;
        Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
    }
}

impl Answer {
    pub(super) fn content_type(&self) -> Option<&str> {
        self.headers.get(header::CONTENT_TYPE)?.to_str().ok()
    }

    /// The code in S3's XML of an error.
    pub(super) fn error_code(&self) -> Option<&str> {
        let xml = std::str::from_utf8(&self.body).ok()?;
        let (_, after) = xml.split_once("<Code>")?;
        Some(after.split_once("</Code>")?.0)
    }
}
