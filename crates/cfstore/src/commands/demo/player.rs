//! An HTTP client without credentials, which fetches URLs like a player.

use std::collections::HashSet;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::{HeaderMap, Request, StatusCode, header, request};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::package::CONCURRENCY;

/// Maximum size of an answer, in bytes. The largest file of the package is much smaller.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct Player(Client<HttpConnector, Empty<Bytes>>);

pub(super) struct Answer {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Files of a film.
#[derive(Default)]
pub(super) struct Played {
    /// Number of playlists.
    pub(super) playlists: usize,
    /// All other files, with their URLs.
    pub(super) media: Vec<(String, Bytes)>,
}

impl Player {
    pub(super) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self(Client::builder(TokioExecutor::new()).build(connector))
    }

    /// Sends a GET of the URL.
    pub(super) async fn fetch(&self, url: &str) -> Result<Answer, String> {
        self.send(Request::get(url)).await
    }

    /// Sends the preflight of a browser: whether a page of this origin may read a range of the URL.
    pub(super) async fn preflight(&self, url: &str, origin: &str) -> Result<Answer, String> {
        let asks = Request::options(url)
            .header(header::ORIGIN, origin)
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "GET")
            .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "range");
        self.send(asks).await
    }

    async fn send(&self, request: request::Builder) -> Result<Answer, String> {
        let request = request.body(Empty::new()).map_err(|error| format!("invalid URL: {error}"))?;
        let answer = self.0.request(request).await.map_err(|error| format!("no answer: {error}"))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, MAX_ANSWER)
            .collect()
            .await
            .map_err(|error| format!("the answer was cut off: {error}"))?;
        Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
    }

    /// Fetches a playlist and everything it leads to, each URL once. References must be URLs.
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
                Err(format!("the server answered {url} with {}", answer.status))
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

/// Returns the reference in a line of a playlist.
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

    /// Returns the origin whose pages may read the answer.
    pub(super) fn allowed_origin(&self) -> Option<&str> {
        self.headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN)?.to_str().ok()
    }

    /// Returns the code of an S3 error.
    pub(super) fn error_code(&self) -> Option<&str> {
        let xml = std::str::from_utf8(&self.body).ok()?;
        let (_, after) = xml.split_once("<Code>")?;
        Some(after.split_once("</Code>")?.0)
    }
}
