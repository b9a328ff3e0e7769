//! What a server counts.

use cloudflare_clients::r2::{R2Service, R2SigningConfig};
use cloudflare_clients::{LocalStore, RetryPolicy, S3Bucket};
use cloudflare_emulator::{Credentials, Metrics, Server};
use tokio::sync::oneshot;

#[tokio::test]
async fn requests_bytes_and_faults_are_counted_and_keys_are_not_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open(folder.path()).await.unwrap();
    store.create_bucket("media").await.unwrap();
    let credentials = Credentials::load_or_create(folder.path()).unwrap();
    let metrics = Metrics::default();
    let server = Server::bind(store, credentials.clone(), ([127, 0, 0, 1], 0).into()).await.unwrap();
    let server = server.with_metrics(metrics.clone());
    let faults = server.faults();
    let config = R2SigningConfig::for_endpoint(
        server.endpoint(),
        credentials.access_key_id(),
        credentials.secret_access_key(),
        "media",
    );
    let r2 = R2Service::new(S3Bucket::new(config).unwrap()).with_retry(RetryPolicy::none());
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async {
        let _ = stopped.await;
    }));

    r2.put("a-key", "hello").await.unwrap();
    assert_eq!(r2.get("a-key").await.unwrap().unwrap().text().await.unwrap(), "hello");
    assert!(r2.get("no-key").await.unwrap().is_none());
    faults.follow("reset,slow=1ms".parse().unwrap());
    r2.head("a-key").await.unwrap_err();
    faults.follow("lost".parse().unwrap());
    r2.delete("no-key").await.unwrap_err();
    stop.send(()).unwrap();
    running.await.unwrap();

    let text = metrics.render().unwrap();
    for line in [
        r#"cfstore_requests_total{protocol="r2",operation="PutObject",status="200"} 1"#,
        r#"cfstore_requests_total{protocol="r2",operation="GetObject",status="200"} 1"#,
        r#"cfstore_requests_total{protocol="r2",operation="GetObject",status="404"} 1"#,
        r#"cfstore_requests_total{protocol="r2",operation="none",status="none"} 1"#,
        r#"cfstore_requests_total{protocol="r2",operation="DeleteObject",status="none"} 1"#,
        r#"cfstore_request_duration_seconds_count{protocol="r2",operation="GetObject"} 2"#,
        r#"cfstore_request_duration_seconds_count{protocol="r2",operation="PutObject"} 1"#,
        r#"cfstore_received_bytes_total{protocol="r2"} 5"#,
        r#"cfstore_faults_injected_total{kind="reset"} 1"#,
        r#"cfstore_faults_injected_total{kind="slow"} 1"#,
        r#"cfstore_faults_injected_total{kind="lost"} 1"#,
        "cfstore_requests_in_flight 0",
        "cfstore_connections 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in {text}");
    }
    let sent = text.lines().find_map(|line| line.strip_prefix(r#"cfstore_sent_bytes_total{protocol="r2"} "#));
    // "hello", and the document that says what is missing.
    assert!(sent.unwrap().parse::<u64>().unwrap() > 5, "{sent:?}");
    assert!(!text.contains("a-key") && !text.contains("media"), "{text}");
}
