//! A server that forwards objects, checked against [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110): over
//! the embedded store, over the S3 API, and the local server itself, as far as R2 does the same.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use cloudflare_clients::http::{self, HeaderMap, HeaderName, HeaderValue, Method};
use cloudflare_clients::r2::{Body, R2Service, R2SigningClient, R2SigningConfig};
use cloudflare_clients::{Error, ErrorKind, S3Bucket};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use testkit::{BUCKET, LocalServer, ManualClock, ScriptedServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

async fn answer(r2: &R2Service, key: &str, request: &http::request::Parts) -> http::Response<Body> {
    match r2.get(key).http_request(request).await {
        Ok(Some(object)) => object.into_http_response(),
        Ok(None) => Error::new(ErrorKind::NoSuchKey, "no such object").into_http_response(),
        Err(error) => error.into_http_response(),
    }
}

async fn answer_head(r2: &R2Service, key: &str, request: &http::request::Parts) -> http::Response<Body> {
    match r2.head(key).http_request(request).await {
        Ok(Some(object)) => object.into_http_response(),
        Ok(None) => Error::new(ErrorKind::NoSuchKey, "no such object").into_http_response(),
        Err(error) => error.into_http_response(),
    }
}

/// A server with objects below `/` and, using a get for a HEAD too, below `/get/`.
async fn serve(r2: R2Service) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let r2 = r2.clone();
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let r2 = r2.clone();
                async move {
                    let (request, _) = request.into_parts();
                    let path = &request.uri.path()[1..];
                    let response = match path.strip_prefix("get/") {
                        Some(key) => answer(&r2, key, &request).await,
                        None if request.method == Method::HEAD => answer_head(&r2, path, &request).await,
                        None => answer(&r2, path, &request).await,
                    };
                    Ok::<_, Infallible>(response)
                }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(connection), service));
        }
    });
    address
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

/// `headers` has one header per line.
async fn send(address: SocketAddr, method: &str, target: &str, headers: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut request = format!("{method} {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for header in headers.lines() {
        request += header;
        request += "\r\n";
    }
    stream.write_all(format!("{request}\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let header = |line: &str| -> (HeaderName, HeaderValue) {
        let (name, value) = line.split_once(": ").unwrap();
        (name.parse().unwrap(), value.parse().unwrap())
    };
    let mut headers: HeaderMap = lines.map(header).collect();
    // Headers of the server itself.
    for name in ["connection", "date"] {
        headers.remove(name);
    }
    Answer { status, headers, body: body.to_owned() }
}

/// A request and its answer.
struct Case {
    method: &'static str,
    key: &'static str,
    headers: &'static str,
    status: u16,
    /// The bytes of the content range.
    range: &'static str,
    /// R2's status, if it is a different one.
    r2: Option<u16>,
}

impl Case {
    /// Sets a status that differs from R2's.
    const fn not_as_r2(mut self, r2: u16) -> Self {
        self.r2 = Some(r2);
        self
    }
}

const fn get(headers: &'static str, status: u16, range: &'static str) -> Case {
    Case { method: "GET", key: "digits", headers, status, range, r2: None }
}

const fn head(headers: &'static str, status: u16) -> Case {
    Case { method: "HEAD", key: "digits", headers, status, range: "", r2: None }
}

const fn of(key: &'static str, mut case: Case) -> Case {
    case.key = key;
    case
}

/// `{date}` is the second of the upload, `{before}` and `{after}` are the seconds next to it.
const CASES: &[Case] = &[
    get("", 200, ""),
    // Ranges (14.1.2, 14.2).
    get("range: bytes=2-4", 206, "2-4"),
    get("range: BYTES=2-4", 206, "2-4"),
    get("range: bytes=0-0", 206, "0-0"),
    get("range: bytes=9-9", 206, "9-9"),
    get("range: bytes=7-", 206, "7-9"),
    get("range: bytes=7-99", 206, "7-9"),
    get("range: bytes=7-99999999999999999999", 206, "7-9"),
    get("range: bytes=-3", 206, "7-9"),
    get("range: bytes=-30", 206, "0-9"),
    get("range: bytes=10-", 416, ""),
    get("range: bytes=10-12", 416, ""),
    get("range: bytes=-0", 416, ""),
    get("range: bytes=-0\nif-range: {etag}", 416, ""),
    get("range: bytes=-0\nif-range: \"other\"", 200, ""),
    get("range: bytes=-0\nif-none-match: {etag}", 304, ""),
    get("range: bytes=-0\nif-match: \"other\"", 412, ""),
    get("range: bytes=4-2", 200, "").not_as_r2(400),
    get("range: bytes=a-b", 200, "").not_as_r2(400),
    get("range: bytes=2", 200, "").not_as_r2(400),
    get("range: lines=1-2", 200, "").not_as_r2(400),
    get("range: bytes=0-1,3-4", 200, "").not_as_r2(400),
    get("range: bytes=0-1\nrange: bytes=3-4", 200, "").not_as_r2(400),
    // If-Match (13.1.1): strong.
    get("if-match: {etag}", 200, ""),
    get("if-match: *", 200, ""),
    get("if-match: \"other\"", 412, ""),
    get("if-match: W/{etag}", 412, ""),
    get("if-match: \"a,b\", {etag}", 200, ""),
    get("if-match: \"a\", \"b\"", 412, ""),
    get("if-match: \"a\"\nif-match: {etag}", 200, ""),
    get("if-match: \"open", 400, ""),
    get("if-match: bare", 400, "").not_as_r2(412),
    get("if-none-match: bare", 400, "").not_as_r2(200),
    // If-None-Match (13.1.2): weak.
    get("if-none-match: {etag}", 304, ""),
    get("if-none-match: W/{etag}", 304, ""),
    get("if-none-match: *", 304, ""),
    get("if-none-match: \"other\"", 200, ""),
    get("if-none-match: \"a\", W/\"b\",{etag}", 304, ""),
    get("if-none-match: \"a\"\nif-none-match: {etag}", 304, ""),
    // Dates (13.1.3, 13.1.4).
    get("if-modified-since: {date}", 304, ""),
    get("if-modified-since: {after}", 304, ""),
    get("if-modified-since: {before}", 200, ""),
    get("if-modified-since: yesterday", 200, ""),
    get("if-unmodified-since: {date}", 200, ""),
    get("if-unmodified-since: {after}", 200, ""),
    get("if-unmodified-since: {before}", 412, ""),
    get("if-unmodified-since: yesterday", 200, ""),
    // Their precedence (13.2.2).
    get("if-match: {etag}\nif-unmodified-since: {before}", 200, ""),
    get("if-match: \"other\"\nif-unmodified-since: {after}", 412, ""),
    get("if-none-match: \"other\"\nif-modified-since: {after}", 200, ""),
    get("if-none-match: {etag}\nif-modified-since: {before}", 304, ""),
    get("if-match: \"other\"\nif-none-match: {etag}", 412, ""),
    get("if-match: {etag}\nif-none-match: {etag}", 304, ""),
    get("if-unmodified-since: {before}\nif-none-match: {etag}", 412, ""),
    // Conditions are evaluated before ranges.
    get("range: bytes=2-4\nif-match: {etag}", 206, "2-4"),
    get("range: bytes=2-4\nif-match: \"other\"", 412, ""),
    get("range: bytes=2-4\nif-none-match: {etag}", 304, ""),
    get("range: bytes=2-4\nif-none-match: \"other\"", 206, "2-4"),
    get("range: bytes=2-4\nif-modified-since: {date}", 304, ""),
    get("range: bytes=10-\nif-match: {etag}", 416, ""),
    get("range: bytes=10-\nif-match: \"other\"", 412, ""),
    get("range: bytes=10-\nif-none-match: {etag}", 304, ""),
    // If-Range (13.1.5): strong, and the same date.
    get("range: bytes=2-4\nif-range: {etag}", 206, "2-4"),
    get("range: bytes=-3\nif-range: {etag}", 206, "7-9"),
    get("range: bytes=2-4\nif-range: \"other\"", 200, ""),
    get("range: bytes=2-4\nif-range: W/{etag}", 200, ""),
    get("range: bytes=2-4\nif-range: *", 200, ""),
    get("range: bytes=2-4\nif-range: {date}", 206, "2-4"),
    get("range: bytes=2-4\nif-range: {before}", 200, ""),
    get("range: bytes=2-4\nif-range: {after}", 200, ""),
    get("range: bytes=2-4\nif-range: yesterday", 200, ""),
    get("if-range: {etag}", 200, ""),
    get("if-range: \"other\"", 200, ""),
    get("range: bytes=10-\nif-range: {etag}", 416, ""),
    get("range: bytes=10-\nif-range: {date}", 416, ""),
    get("range: bytes=10-\nif-range: \"other\"", 200, ""),
    get("range: bytes=10-\nif-range: {before}", 200, ""),
    get("range: bytes=0-1,3-4\nif-range: {etag}", 200, "").not_as_r2(400),
    get("range: bytes=2-4\nif-range: \"other\"\nif-match: {etag}", 200, ""),
    get("range: bytes=2-4\nif-range: {etag}\nif-match: \"other\"", 412, ""),
    get("range: bytes=2-4\nif-range: \"other\"\nif-none-match: {etag}", 304, ""),
    get("range: bytes=10-\nif-range: \"other\"\nif-none-match: {etag}", 304, ""),
    // An empty object.
    of("empty", get("", 200, "")),
    of("empty", get("range: bytes=0-", 416, "")),
    of("empty", get("range: bytes=-5", 200, "").not_as_r2(416)),
    of("empty", get("range: bytes=-5\nif-range: {etag}", 200, "").not_as_r2(416)),
    of("empty", get("range: bytes=0-\nif-range: \"other\"", 200, "")),
    of("empty", get("range: bytes=0-\nif-none-match: {etag}", 304, "")),
    // A missing object.
    of("missing", get("", 404, "")),
    of("missing", get("range: bytes=2-4\nif-range: \"other\"", 404, "")),
    of("missing", get("if-match: *", 404, "")),
    of("missing", get("if-none-match: *", 404, "")),
    of("missing", head("", 404)),
    // HEAD supports conditions and ignores ranges.
    head("", 200),
    head("range: bytes=2-4", 200).not_as_r2(206),
    head("range: bytes=10-", 200).not_as_r2(416),
    head("range: bytes=2-4\nif-range: {etag}", 200).not_as_r2(206),
    head("range: bytes=2-4\nif-range: \"other\"", 200),
    head("range: bytes=10-\nif-none-match: {etag}", 304),
    head("if-match: {etag}", 200),
    head("if-match: \"other\"", 412),
    head("if-match: \"open", 400),
    head("if-none-match: {etag}", 304),
    head("if-modified-since: {date}", 304),
    head("if-unmodified-since: {date}", 200),
    head("if-unmodified-since: {before}", 412),
    of("empty", head("", 200)),
];

/// An object as it was stored.
struct Stored {
    content: &'static str,
    headers: HeaderMap,
    before: HeaderValue,
    after: HeaderValue,
}

impl Stored {
    async fn of(r2: &R2Service, key: &str) -> Self {
        let content = match key {
            "digits" => "0123456789",
            _ => "",
        };
        let Some(mut object) = r2.head(key).await.unwrap() else {
            let none = HeaderValue::from_static("");
            return Self { content, headers: HeaderMap::new(), before: none.clone(), after: none };
        };
        let headers = object.response_headers().unwrap();
        object.uploaded -= Duration::from_secs(1);
        let before = object.response_headers().unwrap()["last-modified"].clone();
        object.uploaded += Duration::from_secs(2);
        let after = object.response_headers().unwrap()["last-modified"].clone();
        Self { content, headers, before, after }
    }

    /// The lines of a request about it.
    fn request(&self, headers: &str) -> String {
        let empty = HeaderValue::from_static("");
        let known = |name: &str| self.headers.get(name).unwrap_or(&empty);
        [
            ("{etag}", known("etag")),
            ("{date}", known("last-modified")),
            ("{before}", &self.before),
            ("{after}", &self.after),
        ]
        .into_iter()
        .fold(headers.to_owned(), |text, (name, value)| text.replace(name, value.to_str().unwrap()))
    }

    /// The headers and the body of the correct answer.
    fn answer(&self, case: &Case) -> (HeaderMap, String) {
        let mut headers = self.headers.clone();
        let mut keep = |names: &[&str]| {
            headers = names.iter().map(|name| (name.parse().unwrap(), headers[*name].clone())).collect();
        };
        let mut body = match case.status {
            200 => self.content,
            206 => {
                let (first, last) = case.range.split_once('-').unwrap();
                &self.content[first.parse().unwrap()..=last.parse().unwrap()]
            }
            304 => "",
            400 => "Bad Request",
            404 => "Not Found",
            412 => "Precondition Failed",
            _ => "Range Not Satisfiable",
        };
        match case.status {
            200 | 206 => {}
            304 => keep(&["etag", "last-modified", "cache-control", "expires"]),
            412 => keep(&["etag", "last-modified"]),
            _ => keep(&[]),
        }
        let size = self.content.len();
        match case.status {
            206 => insert(&mut headers, "content-range", &format!("bytes {}/{size}", case.range)),
            416 => insert(&mut headers, "content-range", &format!("bytes */{size}")),
            _ => {}
        }
        if case.status >= 400 {
            insert(&mut headers, "content-type", "text/plain; charset=utf-8");
        }
        if case.status != 304 {
            insert(&mut headers, "content-length", &body.len().to_string());
        }
        if case.method == "HEAD" {
            body = "";
        }
        (headers, body.to_owned())
    }
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    headers.insert(name, value.parse().unwrap());
}

/// A server with the objects of [`CASES`].
async fn local_server() -> (LocalServer, R2Service) {
    // The date of an upload is valid for an `If-Range` once its second has passed.
    let age = Duration::from_secs(5);
    let clock = ManualClock::at(std::time::SystemTime::now() - age);
    let server = LocalServer::with_runtime(clock.clone()).await;
    let stored = R2Service::new(server.store.bucket(BUCKET).unwrap());
    for (key, content) in [("digits", "0123456789"), ("empty", "")] {
        let put = stored.put(key, content).content_type("text/vtt").content_language("en");
        let put = put.content_disposition("inline").cache_control("max-age=60");
        put.cache_expiry(std::time::UNIX_EPOCH + Duration::from_secs(1_900_000_000)).await.unwrap();
    }
    clock.advance(age);
    (server, stored)
}

#[tokio::test]
async fn every_answer_is_the_one_that_http_asks_for() {
    let (server, stored) = local_server().await;
    let over_s3 = serve(R2Service::new(server.bucket(BUCKET))).await;
    let embedded = serve(stored.clone()).await;
    for case in CASES {
        let Case { method, key, headers, status, .. } = *case;
        let object = Stored::of(&stored, key).await;
        let (mut expected, body) = object.answer(case);
        let request = object.request(headers);
        for (address, path) in [(embedded, ""), (embedded, "get/"), (over_s3, ""), (over_s3, "get/")] {
            let answer = send(address, method, &format!("/{path}{key}"), &request).await;
            let name = format!("{method} {path}{key} {headers:?}");
            assert_eq!(answer.status, status, "{name}");
            if status == 412 && address == over_s3 && answer.headers.get("etag").is_none() {
                // S3 does not describe the object in this case.
                expected.remove("etag");
                expected.remove("last-modified");
            }
            assert_eq!(answer.headers, expected, "{name}");
            assert_eq!(answer.body, body, "{name}");
        }
    }
}

#[tokio::test]
async fn the_local_server_answers_as_r2() {
    let (server, stored) = local_server().await;
    let signing = R2SigningClient::new(server.signing_config(BUCKET)).unwrap();
    for case in CASES {
        let Case { method, key, headers, status, r2, .. } = *case;
        let object = Stored::of(&stored, key).await;
        let url = signing.presign(method.parse().unwrap(), key).sign().unwrap();
        let target = url.as_str().split_once(&server.address().to_string()).unwrap().1;
        let answer = send(server.address(), method, target, &object.request(headers)).await;
        let name = format!("{method} {key} {headers:?}");
        assert_eq!(answer.status, r2.unwrap_or(status), "{name}");
        if r2.is_none() && status < 400 {
            let (expected, body) = object.answer(case);
            for (header, value) in &expected {
                assert_eq!(answer.headers.get(header), Some(value), "{name}: {header}");
            }
            assert_eq!(answer.headers.contains_key("content-range"), status == 206, "{name}");
            assert_eq!(answer.body, body, "{name}");
        }
    }
}

fn part_of_request(name: &'static str, value: &str) -> http::request::Parts {
    http::Request::get("/k").header(name, value).body(()).unwrap().into_parts().0
}

/// R2's handling of `If-Range` is unknown, so R2 never sees one.
#[tokio::test]
async fn if_range_stays_here() {
    const OBJECT: &[&str] =
        &["ETag: \"900150983cd24fb0d6963f7d28e17f72\"", "Last-Modified: Fri, 15 Jan 2027 08:00:00 GMT"];
    let range = [OBJECT, &["Content-Range: bytes 1-1/3"]].concat();
    let answers =
        [testkit::answer("206 Partial Content", &range, "b"), testkit::answer("200 OK", OBJECT, "abc")];
    let server = ScriptedServer::answering(answers).await;
    let config = R2SigningConfig::for_endpoint(server.url(), "id", "secret", "media");
    let r2 = R2Service::new(S3Bucket::new(config).unwrap());

    let mut request = part_of_request("range", "bytes=1-1");
    insert(&mut request.headers, "if-range", "\"old\"");
    insert(&mut request.headers, "if-none-match", "\"older\"");
    let object = r2.get("k").http_request(&request).await.unwrap().unwrap();
    assert_eq!((object.range, object.text().await.unwrap().as_str()), (None, "abc"));
    let sent: Vec<_> = server.requests().into_iter().map(|request| request.headers).collect();
    assert!(sent[0].contains("range: bytes=1-1") && !sent[1].contains("range:"), "{sent:?}");
    for headers in sent {
        assert!(headers.contains("if-none-match: \"older\"") && !headers.contains("if-range"), "{headers}");
    }
}

/// A range that the program sets replaces the client's, including its `If-Range`.
#[tokio::test]
async fn a_later_range_counts() {
    let (_server, stored) = local_server().await;
    let mut request = part_of_request("range", "bytes=1-1");
    insert(&mut request.headers, "if-range", "\"other\"");
    let object = stored.get("digits").http_request(&request).range(2..4).await.unwrap().unwrap();
    assert_eq!(object.text().await.unwrap(), "23");
}

#[tokio::test]
async fn a_head_has_conditions() {
    use cloudflare_clients::r2::Conditional;

    let (_server, stored) = local_server().await;
    let etag = stored.head("digits").await.unwrap().unwrap().etag;
    let unchanged = Conditional::new().etag_does_not_match(&etag);
    let error = stored.head("digits").only_if(unchanged.clone()).await.unwrap_err();
    assert_eq!((error.kind(), error.etag()), (ErrorKind::NotModified, Some(etag.as_str())));
    assert_eq!((error.operation(), error.key()), (Some("head"), Some("digits")));
    assert!(stored.head("missing").only_if(unchanged).await.unwrap().is_none());
    let quoted = Conditional::new().etag_matches("\"abc\"");
    let error = stored.head("digits").only_if(quoted).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidInput, 0));
}
