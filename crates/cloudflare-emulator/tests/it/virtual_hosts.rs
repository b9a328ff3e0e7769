//! Addresses with the bucket in the host: `http://media.localhost/key`.

use std::time::{Duration, SystemTime};

use cloudflare_clients::r2::{Addressing, R2Service, R2SigningConfig};
use cloudflare_clients::sigv4::{Payload, RequestTarget};
use cloudflare_clients::{ErrorKind, LocalStore, S3Bucket};
use cloudflare_emulator::Emulator;
use futures_util::TryStreamExt as _;
use http::{HeaderMap, Method};

use crate::client::{Answer, Local};

/// The library's client, which takes `media.localhost` for this machine, whatever the system knows.
fn client(local: &Local, bucket: &str) -> R2Service {
    let credentials = local.server.credentials();
    let config = R2SigningConfig::for_endpoint(
        format!("http://localhost:{}", local.server.local_addr().port()),
        credentials.access_key_id(),
        credentials.secret_access_key(),
        bucket,
    );
    R2Service::new(S3Bucket::new(config.addressing(Addressing::VirtualHost)).unwrap())
}

#[tokio::test]
async fn a_client_of_virtual_hosts_does_all_that_it_does_by_paths() {
    let local = Local::start().await;
    let r2 = client(&local, "media");
    for key in ["key", "media/key", "a//b", "../a", "client/v4/accounts/x"] {
        r2.put(key, key).await.unwrap();
        assert_eq!(r2.get(key).await.unwrap().unwrap().text().await.unwrap(), key);
    }
    let upload = r2.create_multipart_upload("parts").await.unwrap();
    let first = upload.upload_part(1, vec![1; 5 * 1024 * 1024]).await.unwrap();
    let second = upload.upload_part(2, vec![2; 10]).await.unwrap();
    upload.complete([first, second]).await.unwrap();
    r2.copy("key", "copy").await.unwrap();
    let keys: Vec<_> = r2.list().stream().map_ok(|object| object.key).try_collect().await.unwrap();
    assert_eq!(keys, ["../a", "a//b", "client/v4/accounts/x", "copy", "key", "media/key", "parts"]);
    // The same objects by paths.
    let by_path = R2Service::new(local.bucket("media"));
    assert_eq!(by_path.get("media/key").await.unwrap().unwrap().text().await.unwrap(), "media/key");
    assert_eq!(r2.delete_many(keys).await.unwrap().failed().count(), 0);
    assert_eq!(client(&local, "missing").head("key").await.unwrap_err().kind(), ErrorKind::NoSuchBucket);
}

/// Signs and sends a request to this host.
async fn send(local: &Local, host: &str, method: &str, path: &str, query: &str, body: &str) -> Answer {
    let verb: Method = method.parse().unwrap();
    let mut headers = HeaderMap::new();
    let target = RequestTarget::new(&verb, host, path).query(query);
    let payload = Payload::of(body.as_bytes());
    local.signer.sign_headers(target, &mut headers, &payload, SystemTime::now()).unwrap();
    let mut wire = format!(
        "{method} {path}?{query} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in &headers {
        wire.extend([name.as_str(), ": ", value.to_str().unwrap(), "\r\n"]);
    }
    local.exchange(format!("{wire}\r\n{body}").as_bytes()).await
}

#[tokio::test]
async fn the_host_says_the_bucket_and_the_path_is_the_key() {
    let local = Local::start().await;
    assert_eq!(send(&local, "films.localhost", "PUT", "/", "", "").await.status, 200);
    assert!(local.server.store().bucket_info("films").await.unwrap().is_some());
    let listed = send(&local, "localhost:9710", "GET", "/", "", "").await;
    assert_eq!(listed.elements("Name"), ["films", "media"]);
    assert_eq!(send(&local, "FILMS.localhost:1", "PUT", "/media/a", "", "x").await.status, 200);
    let listed = send(&local, "films.localhost", "GET", "/", "list-type=2", "").await;
    assert_eq!(listed.elements("Key"), ["media/a"]);
    // Names that are no buckets', and hosts that nobody has told of, are the server itself.
    for host in ["s3.localhost", "films.example.com", "a.films.localhost"] {
        let listed = send(&local, host, "GET", "/films", "list-type=2", "").await;
        assert_eq!(listed.elements("Key"), ["media/a"], "{host}");
    }

    let created = send(&local, "films.localhost", "POST", "/a%20b", "uploads=", "").await;
    let id = created.element("UploadId");
    let query = format!("partNumber=1&uploadId={id}");
    let part = send(&local, "films.localhost", "PUT", "/a%20b", &query, "x").await;
    let etag = part.header("etag").to_owned();
    let parts = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    );
    let query = format!("uploadId={id}");
    let completed = send(&local, "films.localhost", "POST", "/a%20b", &query, &parts).await;
    assert_eq!(completed.element("Location"), "http://films.localhost/a%20b");
    assert_eq!(send(&local, "films.localhost", "DELETE", "/", "", "").await.status, 409);
}

#[tokio::test]
async fn a_url_for_one_bucket_is_not_for_another() {
    let local = Local::start().await;
    local.put("/media/key", "hello").await;
    local.server.store().create_bucket("films").await.unwrap();
    let config = R2SigningConfig::for_endpoint(
        "http://localhost:9710",
        local.server.credentials().access_key_id(),
        local.server.credentials().secret_access_key(),
        "media",
    )
    .addressing(Addressing::VirtualHost);
    let signer = cloudflare_clients::r2::R2SigningClient::new(config).unwrap();
    let url = signer.generate_signed_url("key", Duration::from_secs(60)).unwrap();
    let target = url.as_str().strip_prefix("http://media.localhost:9710").unwrap();
    let get = |host: &str| format!("GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    let found = local.exchange(get("media.localhost:9710").as_bytes()).await;
    assert_eq!((found.status, found.text().as_str()), (200, "hello"));
    for host in ["films.localhost:9710", "media.localhost:1", "localhost:9710"] {
        let refused = local.exchange(get(host).as_bytes()).await;
        assert_ne!(refused.status, 200, "{host}");
    }
}

#[tokio::test]
async fn the_server_can_be_told_of_other_hosts() {
    let emulator = Emulator::builder().host("store.test").start().await.unwrap();
    emulator.create_bucket("media").await.unwrap();
    let store: &LocalStore = emulator.store();
    R2Service::new(store.bucket("media").unwrap()).put("key", "hello").await.unwrap();
    let config = R2SigningConfig::for_endpoint(
        "http://store.test",
        emulator.credentials().access_key_id(),
        emulator.credentials().secret_access_key(),
        "media",
    );
    let config = config.addressing(Addressing::VirtualHost);
    let signer = cloudflare_clients::r2::R2SigningClient::new(config).unwrap();
    let url = signer.generate_signed_url("key", Duration::from_secs(60)).unwrap();
    let target = url.as_str().strip_prefix("http://media.store.test").unwrap();
    let wire = format!("GET {target} HTTP/1.1\r\nhost: media.store.test\r\nconnection: close\r\n\r\n");
    // No system needs to know the name: the address to connect to is another matter.
    let mut stream = tokio::net::TcpStream::connect(emulator.local_addr()).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, wire.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nhello"), "{answer}");
}
