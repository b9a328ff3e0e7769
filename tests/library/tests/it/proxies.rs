//! `HyperClient` with HTTP proxies.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cloudflare_clients::http::Request;
use cloudflare_clients::kv::KvClient;
use cloudflare_clients::r2::{Body, R2Service, R2SigningConfig};
use cloudflare_clients::{
    Error, ErrorKind, HttpClient as _, HyperClient, RestNamespace, RetryPolicy, S3Bucket, Timeouts,
};
use testkit::{BUCKET, HttpProxy, LocalServer, ScriptedServer, answer, content};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// `me:hunter2`
const AUTHORIZATION: &str = "Basic bWU6aHVudGVyMg==";

fn by_way_of(proxy: &str) -> HyperClient {
    HyperClient::new().unwrap().with_proxy(proxy).unwrap()
}

/// The bucket of this server, at a host that only the proxy knows.
fn bucket(server: &LocalServer, host: &str, client: HyperClient) -> R2Service {
    let credentials = &server.credentials;
    let config = R2SigningConfig::for_endpoint(
        host,
        credentials.access_key_id(),
        credentials.secret_access_key(),
        BUCKET,
    );
    let bucket = S3Bucket::new(config).unwrap().with_http_client(Arc::new(client));
    R2Service::new(bucket).with_retry(RetryPolicy::none())
}

async fn get(client: &HyperClient, url: &str) -> Error {
    client.send(Request::get(url).body(Body::empty()).unwrap()).await.unwrap_err()
}

#[tokio::test]
async fn plain_http_goes_through_it_with_keys_as_they_are() {
    let server = LocalServer::start().await;
    let proxy = HttpProxy::to(server.address()).await;
    let r2 = bucket(&server, "http://r2.test:9000", by_way_of(&proxy.address().to_string()));
    let bytes = content(300_000, 1);
    r2.put("a/../b//ü", bytes.clone()).await.unwrap();
    assert_eq!(r2.get("a/../b//ü").await.unwrap().unwrap().bytes().await.unwrap(), bytes);
    let url = "http://r2.test:9000/media/a/../b//%C3%BC";
    assert_eq!(proxy.asked(), [format!("PUT {url}"), format!("GET {url}")]);

    let config = server.kv_config("0123456789abcdef0123456789abcdef");
    let namespace = RestNamespace::new(config).unwrap();
    let through = by_way_of(&format!("http://{}/", proxy.address()));
    let kv = KvClient::new(namespace.with_http_client(Arc::new(through)));
    kv.put("k", "v").await.unwrap_err();
    assert!(proxy.asked()[2].starts_with("PUT http://127.0.0.1:"), "{:?}", proxy.asked());
}

#[tokio::test]
async fn https_goes_through_its_tunnel() {
    let server = LocalServer::with_tls().await;
    let proxy = HttpProxy::to(server.address()).await;
    // A certificate is for a name, so the tunnel must lead to that name.
    let host = format!("localhost:{}", server.address().port());
    let client = HyperClient::trusting(&server.certificate()).unwrap();
    let r2 = bucket(
        &server,
        &format!("https://{host}"),
        client.clone().with_proxy(&proxy.address().to_string()).unwrap(),
    );
    let bytes = content(300_000, 1);
    r2.put("film", bytes.clone()).await.unwrap();
    assert_eq!(r2.get("film").await.unwrap().unwrap().bytes().await.unwrap(), bytes);
    // One connection served both requests.
    assert_eq!(proxy.asked(), [format!("CONNECT {host}")]);

    // With proxies from the environment, or without a proxy, this machine is reached directly.
    let direct = client.with_proxy("http://127.0.0.1:1").unwrap().no_proxy();
    assert_eq!(direct.proxy_for(&format!("https://{host}").parse().unwrap()).unwrap(), None);
    let r2 = bucket(&server, &format!("https://{host}"), direct);
    assert!(r2.head("film").await.unwrap().is_some());
    assert_eq!(proxy.asked().len(), 1);

    // The error names both the untrusted host and the proxy.
    let error = get(&by_way_of(&proxy.address().to_string()), &format!("https://{host}/")).await;
    let begin = format!(
        "could not open a secure connection to {host} through the proxy {}: invalid peer",
        proxy.address()
    );
    assert!(error.message().starts_with(&begin) && !error.is_retryable(), "{error}");
}

#[tokio::test]
async fn a_proxy_may_want_a_password() {
    let plain = LocalServer::start().await;
    let secure = LocalServer::with_tls().await;
    for (server, scheme) in [(plain, "http"), (secure, "https")] {
        let proxy = HttpProxy::guarded_to(server.address(), AUTHORIZATION).await;
        let (address, port) = (proxy.address(), server.address().port());
        let url = format!("{scheme}://localhost:{port}");
        let client = |user: &str| {
            let client = match scheme {
                "https" => HyperClient::trusting(&server.certificate()).unwrap(),
                _ => HyperClient::new().unwrap(),
            };
            client.with_proxy(&format!("http://{user}{address}")).unwrap()
        };
        let r2 = bucket(&server, &url, client("me:hunter2@"));
        r2.put("a", "hello").await.unwrap();
        assert_eq!(r2.get("a").await.unwrap().unwrap().text().await.unwrap(), "hello");

        let missing = get(&client(""), &url).await;
        assert_eq!((missing.kind(), missing.is_retryable()), (ErrorKind::Connection, false), "{missing:?}");
        assert_eq!(
            missing.message(),
            format!(
                "the proxy {address} requires a user and password (407 Proxy Authentication Required): put them into its URL, as in \
                 http://user:password@{address}"
            )
        );
        let wrong = get(&client("me:hunter3@"), &url).await;
        assert!(
            wrong.message().starts_with(&format!("the proxy {address} rejects the user and password")),
            "{wrong}"
        );
        assert!(!wrong.is_retryable() && wrong.status().is_none(), "{wrong:?}");
        let shown = format!("{wrong} {wrong:?} {:?}", client("me:hunter3@"));
        assert!(!shown.contains("hunter") && !shown.contains("aHVudGVy"), "{shown}");
    }
}

#[tokio::test]
async fn a_proxy_may_say_401_of_a_password() {
    let proxy = ScriptedServer::answering([answer("401 Unauthorized", &[], "")]).await;
    let address = proxy.url().replace("http://", "");
    let error = get(&by_way_of(&format!("http://me:hunter2@{address}")), "https://r2.test/").await;
    assert!(!error.is_retryable() && !format!("{error:?}").contains("hunter2"), "{error:?}");
    let begin = format!("the proxy {address} rejects the user and password of its URL (401 Unauthorized)");
    assert!(error.message().starts_with(&begin), "{error}");
}

#[tokio::test]
async fn a_refusal_names_the_proxy_and_says_whether_to_try_again() {
    for (status, retryable, says) in [
        ("403 Forbidden", false, "refuses to connect to r2.test (403 Forbidden)"),
        ("404 Not Found", false, "refuses to connect to r2.test (404 Not Found)"),
        ("429 Too Many Requests", true, "cannot connect to r2.test (429 Too Many Requests)"),
        ("501 Not Implemented", false, "refuses to connect to r2.test (501 Not Implemented)"),
        ("502 Bad Gateway", true, "cannot connect to r2.test (502 Bad Gateway)"),
        ("201 Created", false, "refuses to connect to r2.test (201 Created)"),
    ] {
        let proxy = ScriptedServer::answering([answer(status, &[], "<h1>no</h1>")]).await;
        let error = get(&by_way_of(&proxy.url()), "https://r2.test/a").await;
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Connection, retryable), "{error:?}");
        let address = proxy.url().replace("http://", "");
        let message = error.message();
        assert!(message.starts_with(&format!("the proxy {address} {says}")), "{message}");
        assert!(message.contains("NO_PROXY"), "{message}");
    }
}

#[tokio::test]
async fn what_is_no_proxy_is_told_from_the_host_behind() {
    let ssh = ScriptedServer::answering(["SSH-2.0-OpenSSH_9.2\r\n\r\n"]).await;
    let error = get(&by_way_of(&ssh.url()), "https://r2.test/").await;
    let address = ssh.url().replace("http://", "");
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::UnexpectedResponse, false), "{error:?}");
    assert!(error.message().starts_with(&format!("the proxy {address} did not answer in HTTP")), "{error}");

    let closing = ScriptedServer::conversing(|mut connection| async move {
        connection.read_head().await;
    })
    .await;
    let address = closing.url().replace("http://", "");
    let error = get(&by_way_of(&closing.url()), "https://r2.test/").await;
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Connection, true), "{error:?}");
    assert!(error.message().starts_with(&format!("could not connect to the proxy {address}: ")), "{error}");
    let error = get(&by_way_of(&closing.url()), "http://r2.test/").await;
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Connection, true), "{error:?}");
    let begin = format!("the connection to r2.test through the proxy {address} was lost: ");
    assert!(error.message().starts_with(&begin), "{error}");

    let refusing_tls = ScriptedServer::conversing(|_| async {}).await;
    let address = refusing_tls.url().replace("http://", "");
    let error = get(&by_way_of(&format!("https://{address}")), "https://r2.test/").await;
    assert!(error.message().starts_with(&format!("could not connect to the proxy {address}: ")), "{error}");
    for url in ["http://r2.test/", "https://r2.test/"] {
        let error = get(&by_way_of("http://127.0.0.1:1"), url).await;
        assert!(error.message().starts_with("could not connect to the proxy 127.0.0.1:1: "), "{error}");
        let error = get(&by_way_of("http://proxy.invalid:3128"), url).await;
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Dns, true), "{error:?}");
        assert!(
            error.message().starts_with("could not resolve the address of the proxy proxy.invalid:3128"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn nothing_waits_for_a_proxy_for_ever() {
    let silent = ScriptedServer::conversing(|mut connection| async move {
        while connection.read_head().await.is_some() {}
    })
    .await;
    let client = by_way_of(&silent.url());
    let address = silent.url().replace("http://", "");
    let limit = Duration::from_millis(100);
    let timeouts = Timeouts::default().connect(limit).first_byte(limit * 2);
    for (url, waited, message) in [
        (
            "https://r2.test/",
            limit,
            format!("could not connect to r2.test through the proxy {address} within 100ms"),
        ),
        ("http://r2.test/", limit * 2, "the service did not answer within 200ms of the request".to_owned()),
    ] {
        let mut request = Request::get(url).body(Body::empty()).unwrap();
        request.extensions_mut().insert(timeouts);
        let start = Instant::now();
        let error = client.send(request).await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Timeout, &*message));
        assert!(start.elapsed() >= waited, "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn a_tunnel_that_nobody_waits_for_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = by_way_of(&listener.local_addr().unwrap().to_string());
    let (asked, is_asked) = oneshot::channel();
    let proxy = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let read = connection.read(&mut [0; 1024]).await.unwrap();
        asked.send(read).unwrap();
        connection.read(&mut [0; 1024]).await
    });
    let request = tokio::spawn(async move { get(&client, "https://r2.test/").await });
    assert!(is_asked.await.unwrap() > 0);
    request.abort();
    let ended = tokio::time::timeout(Duration::from_secs(2), proxy).await;
    assert_eq!(ended.unwrap().unwrap().unwrap(), 0, "the connection is closed");
}

#[tokio::test]
async fn an_answer_counts_also_where_the_upload_breaks() {
    // It answers, and closes the connection with most of the request unread.
    let proxy = ScriptedServer::conversing(|mut connection| async move {
        connection.read_head().await;
        connection.write(&answer("412 Precondition Failed", &[], "")).await;
        connection.read_body(1024).await;
    })
    .await;
    let put = Request::put("http://r2.test/a").body(Body::from(content(8 * 1024 * 1024, 1))).unwrap();
    let response = by_way_of(&proxy.url()).send(put).await.unwrap();
    assert_eq!(response.status(), 412);
}

#[tokio::test]
async fn a_url_that_is_no_proxy_is_refused() {
    for url in ["socks5://me:hunter2@proxy:1080", "me:hunter2@proxy:port", ""] {
        let error = HyperClient::new().unwrap().with_proxy(url).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn errors_name_hosts_without_what_stands_before_them() {
    let client = HyperClient::new().unwrap().no_proxy();
    let error = get(&client, "http://me:hunter2@127.0.0.1:1/").await;
    let said = format!("{error} {error:?}");
    assert!(said.contains("127.0.0.1:1") && !said.contains("hunter2"), "{said}");
}
