//! A client that knows nothing but URLs: plain HTTP, no credentials.

use std::collections::HashSet;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::{HeaderMap, Request, StatusCode, header, request};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::package::CONCURRENCY;

/// Far above the largest file of the package.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct Player(Client<HttpConnector, Empty<Bytes>>);

pub(super) struct Answer {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    pub(super) body: Bytes,
}

/// What a film is made of.
#[derive(Default)]
pub(super) struct Played {
    /// How many there were.
    pub(super) playlists: usize,
    /// All else, with its URLs.
    pub(super) media: Vec<(String, Bytes)>,
}

impl Player {
    pub(super) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self(Client::builder(TokioExecutor::new()).build(connector))
    }

    /// What a GET of the URL answers.
    pub(super) async fn fetch(&self, url: &str) -> Result<Answer, String> {
        self.send(Request::get(url)).await
    }

    /// What a browser is answered that asks whether a page of this origin may read a range of the URL.
    pub(super) async fn preflight(&self, url: &str, origin: &str) -> Result<Answer, String> {
        let asks = Request::options(url)
            .header(header::ORIGIN, origin)
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "GET")
            .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "range");
        self.send(asks).await
    }

    async fn send(&self, request: request::Builder) -> Result<Answer, String> {
        let request = request.body(Empty::new()).map_err(|error| format!("no URL: {error}"))?;
        let answer = self.0.request(request).await.map_err(|error| format!("no answer: {error}"))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, MAX_ANSWER)
            .collect()
            .await
            .map_err(|error| format!("the answer broke off: {error}"))?;
        Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
    }

    /// Fetches a playlist, all that it names, and what that names, each once. References have to be URLs.
    pub(super) async fn play(&self, url: &str) -> Result<Played, String> {
        let mut played = Played::default();
        let mut known = HashSet::from([url.to_owned()]);
        let mut urls = vec![url.to_owned()];
        while !urls.is_empty() {
            let fetches = urls.drain(..).map(|url| async {
                let answer = self.fetch(&url).await?;
                if answer.status == StatusCode::OK {
                    return Ok((url, answer));
                }
                Err(format!("{url} was answered with {}", answer.status))
            });
            let answers: Vec<_> =
                stream::iter(fetches).buffer_unordered(CONCURRENCY).try_collect::<Vec<_>>().await?;
            for (url, answer) in answers {
                if !answer.body.starts_with(b"#EXTM3U") {
                    played.media.push((url, answer.body));
                    continue;
                }
                played.playlists += 1;
                let text = String::from_utf8_lossy(&answer.body);
                let references = text.lines().filter_map(reference).map(str::to_owned);
                urls.extend(references.filter(|url| known.insert(url.clone())));
            }
        }
        Ok(played)
    }
}

/// What a line of a playlist names.
fn reference(line: &str) -> Option<&str> {
    if line.starts_with('#') {
        return line.split_once("URI=\"")?.1.split('"').next();
    }
    (!line.is_empty()).then_some(line)
}

impl Answer {
    pub(super) fn content_type(&self) -> Option<&str> {
        self.headers.get(header::CONTENT_TYPE)?.to_str().ok()
    }

    /// Whose pages may read it.
    pub(super) fn allowed_origin(&self) -> Option<&str> {
        self.headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN)?.to_str().ok()
    }

    /// The code in S3's XML of an error.
    pub(super) fn error_code(&self) -> Option<&str> {
        let xml = std::str::from_utf8(&self.body).ok()?;
        let (_, after) = xml.split_once("<Code>")?;
        Some(after.split_once("</Code>")?.0)
    }
}
