//! A server over a store of its own, and a client that sends exactly what it is told to.

use std::time::{Duration, SystemTime};

use cloudflare_clients::S3Bucket;
use cloudflare_clients::http::Method;
use cloudflare_clients::sigv4::{Payload, RequestTarget, Signer, canonical_query, query_pairs};
use cloudflare_emulator::{Emulator, EmulatorBuilder};
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) struct Local {
    pub(crate) server: Emulator,
    pub(crate) signer: Signer,
}

impl Local {
    /// A server with an empty bucket `media`.
    pub(crate) async fn start() -> Self {
        Self::of(Emulator::builder()).await
    }

    pub(crate) async fn of(builder: EmulatorBuilder) -> Self {
        let server = builder.start().await.unwrap();
        server.create_bucket("media").await.unwrap();
        Self { signer: Signer::new(server.credentials().signing()), server }
    }

    /// A client of this bucket.
    pub(crate) fn bucket(&self, name: &str) -> S3Bucket {
        S3Bucket::new(self.server.signing_config(name)).unwrap()
    }

    pub(crate) fn host(&self) -> String {
        self.server.local_addr().to_string()
    }

    /// A request that is signed in its headers.
    pub(crate) fn request(&self, method: &str, target: &str) -> Request<'_> {
        Request {
            local: self,
            method: method.to_owned(),
            target: target.to_owned(),
            headers: HeaderMap::new(),
            unsigned: HeaderMap::new(),
            body: Vec::new(),
            signed_at: Some(SystemTime::now()),
            payload: None,
            signed_as_sent: false,
        }
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.request("GET", target).send().await
    }

    pub(crate) async fn put(&self, target: &str, body: impl Into<Vec<u8>>) -> Answer {
        let answer = self.request("PUT", target).body(body).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer
    }

    /// The path and query of a presigned URL.
    pub(crate) fn presign(&self, method: &str, target: &str, expires_in: u64, now: SystemTime) -> String {
        let method: Method = method.parse().unwrap();
        let host = self.host();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let target = RequestTarget::new(&method, &host, path).query(query);
        let query =
            self.signer.presign(target, &HeaderMap::new(), Duration::from_secs(expires_in), now).unwrap();
        format!("{path}?{query}")
    }

    /// Sends bytes as they are and reads until the server closes.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.server.local_addr()).await.unwrap();
        // The server may answer and close before it has read everything.
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.unwrap();
        answer
    }

    /// Sends a request as it is, which asks the server to close, and reads the answer.
    pub(crate) async fn exchange(&self, wire: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.server.local_addr()).await.unwrap();
        stream.write_all(wire).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        Answer::parse(&answer)
    }

    /// A request to KV's API: `target` is what comes behind `.../storage/kv/namespaces`.
    pub(crate) fn kv(&self, method: &str, target: &str) -> Request<'_> {
        let account = self.server.credentials().account_id();
        let mut request =
            self.request(method, &format!("/client/v4/accounts/{account}/storage/kv/namespaces{target}"));
        request.signed_at = None;
        request.header("authorization", &format!("Bearer {}", self.server.credentials().api_token()))
    }

    pub(crate) async fn send_unsigned(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.request(method, target);
        request.signed_at = None;
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.send().await
    }
}

pub(crate) struct Request<'a> {
    local: &'a Local,
    method: String,
    target: String,
    headers: HeaderMap,
    unsigned: HeaderMap,
    body: Vec<u8>,
    signed_at: Option<SystemTime>,
    payload: Option<Payload>,
    signed_as_sent: bool,
}

impl Request<'_> {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers
            .append(HeaderName::try_from(name).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        self
    }

    /// A header that is added behind the signer's back.
    pub(crate) fn unsigned_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.unsigned.insert(name, HeaderValue::from_static(value));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn signed_at(mut self, time: SystemTime) -> Self {
        self.signed_at = Some(time);
        self
    }

    /// What the signature says of the body, in place of the truth.
    pub(crate) fn payload(mut self, payload: Payload) -> Self {
        self.payload = Some(payload);
        self
    }

    /// Signs the path as it is, and not in its canonical form.
    pub(crate) fn signed_as_sent(mut self) -> Self {
        self.signed_as_sent = true;
        self
    }

    /// The request as it goes over the wire.
    pub(crate) fn wire(self) -> Vec<u8> {
        let host = self.local.host();
        let mut headers = self.headers;
        if let Some(now) = self.signed_at {
            let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
            let method: Method = self.method.parse().unwrap();
            let query = canonical_query(query_pairs(query));
            let path = if self.signed_as_sent { path.to_owned() } else { canonical_path(path) };
            let target = RequestTarget::new(&method, &host, &path).query(&query);
            let payload = self.payload.unwrap_or_else(|| Payload::of(&self.body));
            self.local.signer.sign_headers(target, &mut headers, &payload, now).unwrap();
        }
        headers.entry("content-length").or_insert(self.body.len().into());
        let mut wire =
            format!("{} {} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n", self.method, self.target)
                .into_bytes();
        for (name, value) in headers.iter().chain(&self.unsigned) {
            wire.extend_from_slice(name.as_str().as_bytes());
            wire.extend_from_slice(b": ");
            wire.extend_from_slice(value.as_bytes());
            wire.extend_from_slice(b"\r\n");
        }
        wire.extend_from_slice(b"\r\n");
        wire.extend_from_slice(&self.body);
        wire
    }

    pub(crate) async fn send(self) -> Answer {
        let local = self.local;
        local.exchange(&self.wire()).await
    }
}

/// Decoded once, and encoded as SigV4 encodes.
fn canonical_path(path: &str) -> String {
    const RESERVED: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
    let decoded: Vec<u8> = percent_decode_str(path).collect();
    percent_encode(&decoded, RESERVED).to_string()
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer");
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap()))
            .collect();
        Self { status, headers, body: bytes[end + 4..].to_vec() }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The text of the first element of this name.
    pub(crate) fn element(&self, name: &str) -> String {
        self.elements(name).into_iter().next().unwrap_or_default()
    }

    pub(crate) fn elements(&self, name: &str) -> Vec<String> {
        let text = self.text();
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        text.split(&open).skip(1).map(|rest| rest.split(&close).next().unwrap().to_owned()).collect()
    }

    /// The status and code of an error.
    pub(crate) fn error(&self) -> (u16, String) {
        (self.status, self.element("Code"))
    }
}
