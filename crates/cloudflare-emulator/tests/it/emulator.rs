//! What the crate's documentation promises of an emulator.

use std::time::{Duration, SystemTime};

use cloudflare_clients::kv::KvClient;
use cloudflare_clients::r2::{R2Service, R2SigningClient, R2SigningConfig};
use cloudflare_clients::{ErrorKind, RestNamespace, S3Bucket};
use cloudflare_emulator::{Emulator, KvBehaviour, ManualClock};
use http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::Answer;

const HOUR: Duration = Duration::from_secs(3600);

async fn bucket(emulator: &Emulator) -> R2Service {
    R2Service::new(S3Bucket::new(emulator.create_bucket("media").await.unwrap()).unwrap())
}

async fn namespace(emulator: &Emulator) -> KvClient {
    KvClient::new(RestNamespace::new(emulator.create_namespace("sessions").await.unwrap()).unwrap())
}

async fn get(emulator: &Emulator, url: &str) -> Answer {
    let target = url.strip_prefix(emulator.endpoint()).unwrap();
    let mut stream = TcpStream::connect(emulator.local_addr()).await.unwrap();
    let request =
        format!("GET {target} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", emulator.local_addr());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    Answer::parse(&bytes)
}

#[tokio::test]
async fn each_has_a_port_a_store_and_credentials_of_its_own() {
    let (one, other) = (Emulator::start().await.unwrap(), Emulator::start().await.unwrap());
    assert!(one.local_addr().ip().is_loopback());
    assert_ne!(one.local_addr(), other.local_addr());
    assert_ne!(one.credentials().secret_access_key(), other.credentials().secret_access_key());
    bucket(&one).await.put("key", "1").await.unwrap();
    assert!(bucket(&other).await.head("key").await.unwrap().is_none());
    assert_eq!(one.store().buckets().await.unwrap().len(), 1);

    let taken = one.create_bucket("media").await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Conflict);
    let (endpoint, keys) = (one.endpoint(), other.credentials());
    let config =
        R2SigningConfig::for_endpoint(endpoint, keys.access_key_id(), keys.secret_access_key(), "media");
    let foreign = R2Service::new(S3Bucket::new(config).unwrap());
    assert_eq!(foreign.get("key").await.unwrap_err().kind(), ErrorKind::Credentials);
}

#[tokio::test]
async fn it_ends_when_it_is_dropped() {
    let emulator = Emulator::start().await.unwrap();
    bucket(&emulator).await.put("key", "x".repeat(100_000)).await.unwrap();
    let address = emulator.local_addr();
    let folder = emulator.store().path().to_owned();
    assert!(folder.join("store.sqlite3").exists());
    drop(emulator);
    assert!(!folder.exists());
    let refused = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), refused).await.unwrap();
}

#[tokio::test]
async fn a_folder_stays_with_its_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let emulator = Emulator::builder().folder(folder.path()).start().await.unwrap();
    bucket(&emulator).await.put("key", "1").await.unwrap();
    let secret = emulator.credentials().secret_access_key().to_owned();
    let address = emulator.local_addr();
    emulator.stop().await;
    let again = Emulator::builder().folder(folder.path()).listen(address).start().await.unwrap();
    assert_eq!((again.local_addr(), again.credentials().secret_access_key()), (address, secret.as_str()));
    let r2 = R2Service::new(S3Bucket::new(again.signing_config("media")).unwrap());
    assert!(r2.head("key").await.unwrap().is_some());
}

#[tokio::test]
async fn what_cannot_be_had_is_an_error() {
    let emulator = Emulator::start().await.unwrap();
    let taken = Emulator::builder().listen(emulator.local_addr()).start().await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Connection);
    let file = tempfile::NamedTempFile::new().unwrap();
    let no_folder = Emulator::builder().folder(file.path()).start().await.unwrap_err();
    assert_eq!(no_folder.kind(), ErrorKind::Storage);
}

#[tokio::test]
async fn a_presigned_url_ends_by_its_clock() {
    let clock = ManualClock::at(SystemTime::now());
    let emulator = Emulator::builder().with_runtime(clock.clone()).start().await.unwrap();
    bucket(&emulator).await.put("key", "hello").await.unwrap();
    let signer = R2SigningClient::new(emulator.signing_config("media")).unwrap();
    let url = signer.generate_signed_url("key", HOUR).unwrap();
    assert_eq!(get(&emulator, url.as_str()).await.text(), "hello");
    clock.advance(HOUR + Duration::from_secs(2));
    assert_eq!(get(&emulator, url.as_str()).await.status, 403);
}

#[tokio::test]
async fn objects_and_keys_go_by_its_clock() {
    let now = SystemTime::now() - 5 * Duration::from_secs(60);
    let clock = ManualClock::at(now);
    let emulator = Emulator::builder().with_runtime(clock.clone()).start().await.unwrap();
    let (r2, kv) = (bucket(&emulator).await, namespace(&emulator).await);
    r2.put("key", "hello").await.unwrap();
    let uploaded = r2.list().await.unwrap().objects[0].uploaded;
    assert!(now.duration_since(uploaded).unwrap() < Duration::from_millis(1), "the clock stands still");

    kv.put("key", "1").expiration_ttl(HOUR).await.unwrap();
    clock.advance(Duration::from_secs(3599));
    assert_eq!(kv.get("key").text().await.unwrap().as_deref(), Some("1"));
    clock.advance(Duration::from_secs(1));
    assert_eq!(kv.get("key").text().await.unwrap(), None);
    clock.set(now - HOUR);
    let refused = r2.get("key").await.unwrap_err();
    assert_eq!(refused.code(), Some("RequestTimeTooSkewed"));
    let same_clock = S3Bucket::new(emulator.signing_config("media")).unwrap().with_runtime(clock);
    assert!(R2Service::new(same_clock).get("key").await.unwrap().is_some());
}

#[tokio::test]
async fn ordered_failures_are_those_of_the_next_requests_and_are_retried() {
    let emulator = Emulator::start().await.unwrap();
    let kv = namespace(&emulator).await;
    emulator.faults().fail_next(2, StatusCode::SERVICE_UNAVAILABLE);
    kv.put("key", "1").await.unwrap();
    emulator.faults().fail_next(1, StatusCode::BAD_REQUEST);
    assert_eq!(kv.get("key").text().await.unwrap_err().status(), Some(StatusCode::BAD_REQUEST));
    assert_eq!(kv.get("key").text().await.unwrap().as_deref(), Some("1"));
}

#[tokio::test]
async fn kv_can_be_as_it_is_over_a_network() {
    let emulator = Emulator::builder().kv_behaviour(KvBehaviour::as_in_production()).start().await.unwrap();
    let kv = namespace(&emulator).await;
    assert_eq!(kv.get("key").text().await.unwrap(), None);
    kv.put("key", "1").await.unwrap();
    assert_eq!(kv.get("key").text().await.unwrap(), None, "it was read as missing");
}
