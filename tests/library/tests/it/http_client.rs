//! `HyperClient`, and clients that are set on a bucket and a namespace.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use cloudflare_clients::kv::{KvClient, KvConfig};
use cloudflare_clients::r2::{Body, Bucket as _, HeadRequest, R2Service, R2SigningClient, R2SigningConfig};
use cloudflare_clients::{
    ErrorKind, HttpClient, HyperClient, ReasonPhrase, RestNamespace, Result, RetryPolicy, Runtime, S3Bucket,
    Timeouts, TokioRuntime, async_trait,
};
use futures_util::future::BoxFuture;
use futures_util::{StreamExt as _, stream};
use http::{Request, Response};
use testkit::ScriptedServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Records requests, and answers each with 500 and this reason.
#[derive(Debug, Default)]
struct Failing {
    asked: Mutex<Vec<(String, Option<Timeouts>)>>,
}

#[async_trait]
impl HttpClient for Failing {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>> {
        let timeouts = request.extensions().get().copied();
        self.asked.lock().unwrap().push((request.uri().to_string(), timeouts));
        let mut response = Response::new(Body::empty());
        *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
        response.extensions_mut().insert(ReasonPhrase::new("Out of Coffee"));
        Ok(response)
    }
}

#[tokio::test]
async fn a_bucket_and_a_namespace_send_with_the_client_they_are_given() {
    let http = Arc::new(Failing::default());
    let short = Timeouts::default().idle(Duration::from_secs(1));
    let config = R2SigningConfig::for_endpoint("https://r2.example.com", "id", "secret", "media");
    let bucket = S3Bucket::new(config).unwrap().with_http_client(http.clone()).with_timeouts(short);
    let r2 = R2Service::new(bucket).with_retry(RetryPolicy::none());
    let error = r2.get("a/../b").await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Server, "500 Out of Coffee"));

    let id = "0123456789abcdef0123456789abcdef";
    let config = KvConfig::new(id, "token", id).base_url("https://api.example.com");
    let namespace = RestNamespace::new(config).unwrap().with_http_client(http.clone());
    let kv = KvClient::new(namespace).with_retry(RetryPolicy::none());
    let error = kv.get("k").text().await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Server, "500 Out of Coffee"));

    let asked = http.asked.lock().unwrap();
    let [(object, to_object), (value, to_value)] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(object, "https://r2.example.com/media/a/../b");
    assert!(value.ends_with(&format!("/{id}/values/k")), "{value}");
    assert_eq!((*to_object, *to_value), (Some(short), Some(Timeouts::default())));
}

fn get(url: &str) -> Request<Body> {
    Request::get(url).body(Body::empty()).unwrap()
}

/// The URL of a server that reads a request and writes this answer.
async fn server(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/a/../%62", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let read = connection.read(&mut [0; 4096]).await.unwrap();
                connection.write_all(answer.as_bytes()).await.unwrap();
                // Stays open until the client closes it.
                while read > 0 && connection.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {}
            });
        }
    });
    url
}

#[tokio::test]
async fn an_answer_has_its_reason_and_its_length() {
    let url = server("HTTP/1.1 418 Short and Stout\r\nContent-Length: 3\r\n\r\ntea").await;
    let response = HyperClient::new().unwrap().send(get(&url)).await.unwrap();
    assert_eq!(response.status(), 418);
    assert_eq!(response.extensions().get(), Some(&ReasonPhrase::new("Short and Stout")));
    assert_eq!(response.body().content_length(), Some(3));
    assert_eq!(response.into_body().text().await.unwrap(), "tea");

    let url = server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntea\r\n0\r\n\r\n").await;
    let response = HyperClient::new().unwrap().send(get(&url)).await.unwrap();
    assert_eq!(response.extensions().get::<ReasonPhrase>(), None);
    assert_eq!(response.body().content_length(), None);
    assert_eq!(response.into_body().text().await.unwrap(), "tea");
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused() {
    let client = HyperClient::new().unwrap();
    let endless = Body::from_stream(stream::empty(), None);
    let put = Request::put("http://127.0.0.1:1/").body(endless).unwrap();
    for request in [get("/path"), put] {
        assert_eq!(client.send(request).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

#[tokio::test]
async fn each_request_brings_its_timeouts() {
    // The server accepts connections and ignores them, so that no handshake completes.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let client = HyperClient::new().unwrap();
    for millis in [50, 200] {
        let connect = Duration::from_millis(millis);
        let mut request = get(&url);
        request.extensions_mut().insert(Timeouts::default().connect(connect));
        let start = Instant::now();
        let error = client.send(request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.message().ends_with(&format!("within {millis}ms")), "{error}");
        assert!(start.elapsed() >= connect, "{:?}", start.elapsed());
    }
}

/// A clock on which a second passes in ten milliseconds.
#[derive(Debug)]
struct Fast(Instant);

impl Runtime for Fast {
    fn now(&self) -> SystemTime {
        TokioRuntime.now()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed() * 100
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        TokioRuntime.sleep(duration / 100)
    }

    fn random(&self) -> f64 {
        0.0
    }
}

#[tokio::test]
async fn timeouts_go_by_the_runtime() {
    let start = Instant::now();
    let client = HyperClient::new().unwrap().with_runtime(Fast(start));
    let error = client.send(get(&server("").await)).await.unwrap_err();
    assert_eq!(error.message(), "the service did not answer within 30s of the request");

    let url = server("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nte").await;
    let error = client.send(get(&url)).await.unwrap().into_body().text().await.unwrap_err();
    assert_eq!(error.message(), "the answer stalled: no bytes arrived for 20s");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = client.send(get(&format!("https://{}/", listener.local_addr().unwrap()))).await.unwrap_err();
    assert!(error.message().ends_with("within 5s"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_body_that_drips_times_out_and_one_that_is_read_slowly_does_not() {
    let dripping = |every: Duration, piece: usize| async move {
        let scripted = ScriptedServer::conversing(move |mut connection| async move {
            connection.read_head().await;
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n").await;
            for _ in 0..60_000 / piece {
                connection.write(&"x".repeat(piece)).await;
                tokio::time::sleep(every).await;
            }
        });
        scripted.await.url()
    };
    // A byte every two seconds: never idle.
    let url = dripping(Duration::from_millis(20), 1).await;
    let client = HyperClient::new().unwrap().with_runtime(Fast(Instant::now()));
    let patient = Timeouts::default().idle(Duration::from_secs(1000));
    let request = |url: &str, timeouts: Timeouts| {
        let mut request = get(url);
        request.extensions_mut().insert(timeouts);
        request
    };
    let body = client.send(request(&url, patient)).await.unwrap().into_body();
    let read = tokio::time::timeout(Duration::from_secs(10), body.bytes()).await;
    let error = read.expect("no wait for all of it").unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Timeout, true));
    assert!(error.message().starts_with("the answer is too slow: "), "{error}");

    // The limit is the request's.
    let any_speed = patient.min_speed(0, Duration::ZERO);
    let request_any = request(&dripping(Duration::from_millis(20), 2_000).await, any_speed);
    assert_eq!(client.send(request_any).await.unwrap().into_body().bytes().await.unwrap().len(), 60_000);

    // Everything has arrived long before it is read.
    let fast = patient.min_speed(1 << 20, Duration::from_secs(100));
    let request_fast = request(&dripping(Duration::ZERO, 60_000).await, fast);
    let mut pieces = client.send(request_fast).await.unwrap().into_body().into_stream();
    let mut length = 0;
    while let Some(piece) = pieces.next().await {
        length += piece.unwrap().len();
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    assert_eq!(length, 60_000);
}

#[tokio::test]
async fn a_backend_times_out_by_its_runtime_unless_it_was_given_a_client() {
    let url = server("").await;
    let origin = url.trim_end_matches("/a/../%62");
    let start = Instant::now();
    let config = || R2SigningConfig::for_endpoint(origin, "id", "secret", "media");
    let by_runtime = S3Bucket::new(config()).unwrap().with_runtime(Fast(start));
    let error = by_runtime.head(HeadRequest::new("k")).await.unwrap_err();
    assert_eq!(error.message(), "the service did not answer within 30s of the request");

    let signing = R2SigningClient::new(config()).unwrap().with_runtime(Fast(start));
    assert_eq!(signing.object_exists("k").await.unwrap_err().kind(), ErrorKind::Timeout);

    let id = "0123456789abcdef0123456789abcdef";
    let config = KvConfig::new(id, "token", id).base_url(origin);
    let namespace = RestNamespace::new(config).unwrap().with_runtime(Fast(start));
    let kv = KvClient::new(namespace).with_retry(RetryPolicy::none());
    assert_eq!(
        kv.get("k").text().await.unwrap_err().message(),
        "the service did not answer within 30s of the request"
    );
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());

    // With a separate clock, which is not a hundred times as fast.
    let given = || by_runtime.clone().with_http_client(Arc::new(HyperClient::new().unwrap()));
    for bucket in [given(), given().with_runtime(Fast(start))] {
        let answer = Duration::from_millis(200);
        let (start, bucket) = (Instant::now(), bucket.with_timeouts(Timeouts::default().first_byte(answer)));
        let error = bucket.head(HeadRequest::new("k")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(start.elapsed() >= answer, "{:?}", start.elapsed());
    }
}

#[test]
fn a_connection_ends_with_its_runtime() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let servers = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let url = servers.block_on(server("HTTP/1.1 204 No Content\r\n\r\n"));
    let client = HyperClient::new().unwrap();
    for _ in 0..3 {
        let response = runtime().block_on(client.send(get(&url))).unwrap();
        assert_eq!(response.status(), 204);
    }
}
