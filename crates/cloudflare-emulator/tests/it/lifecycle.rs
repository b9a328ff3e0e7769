//! Lifecycle rules: kept, answered, carried out by the server's clock.

use std::time::Duration;

use cloudflare_clients::r2::{
    CreateMultipartUploadRequest, LifecyclePolicy, LifecycleRule, R2Action, R2Service, StorageClass,
};
use cloudflare_clients::{ErrorKind, S3Bucket};
use cloudflare_emulator::{Emulator, ManualClock};
use futures_util::StreamExt as _;

use crate::client::Local;

fn days(days: u64) -> Duration {
    Duration::from_secs(24 * days * 3600)
}

/// A server whose clock the test moves, and a client of a bucket of it.
async fn start() -> (Emulator, R2Service, ManualClock) {
    let clock = ManualClock::default().sleepers_wait();
    let emulator = Emulator::builder().with_runtime(clock.clone()).start().await.unwrap();
    let bucket = S3Bucket::new(emulator.create_bucket("media").await.unwrap()).unwrap();
    // Requests are signed by the server's clock.
    let r2 = R2Service::new(bucket.with_runtime(clock.clone()));
    (emulator, r2, clock)
}

#[tokio::test]
async fn a_rule_for_after_the_year_9999_has_no_header() {
    let (emulator, r2, _) = start().await;
    let ages = [Duration::from_secs(2_147_483_647 * 86_400)];
    r2.set_lifecycle(LifecyclePolicy::new(ages.map(|age| LifecycleRule::new("late").delete_objects(age))))
        .await
        .unwrap();
    r2.put("a", "1").await.unwrap();
    assert_eq!(r2.get("a").await.unwrap().unwrap().text().await.unwrap(), "1");
    emulator.stop().await;
}

#[tokio::test]
async fn a_client_sets_rules_and_the_server_carries_them_out() {
    let (emulator, r2, clock) = start().await;
    assert_eq!(r2.lifecycle().await.unwrap(), Some(LifecyclePolicy::of_new_bucket()));
    r2.put("logs/before", "1").await.unwrap();
    let policy = LifecyclePolicy::new([
        LifecycleRule::new("logs").prefix("logs/").delete_objects(days(7)),
        LifecycleRule::new("cold").prefix("films/").move_to_infrequent_access(days(1)),
        LifecycleRule::new("uploads").abort_uploads(days(1)),
    ]);
    r2.set_lifecycle(policy.clone()).await.unwrap();
    assert_eq!(r2.lifecycle().await.unwrap(), Some(policy));
    r2.put("films/a", "1").await.unwrap();
    let upload = CreateMultipartUploadRequest::new("films/b");
    r2.bucket().create_multipart_upload(upload).await.unwrap();

    let mut events = emulator.store().events(emulator.credentials().account_id());
    clock.advance(days(7));
    // Nobody uses the server: it does so by itself.
    let event = events.next().await.unwrap();
    assert_eq!((event.action, event.object.key.as_str()), (R2Action::LifecycleDeletion, "logs/before"));
    assert_eq!(event.account, emulator.credentials().account_id());
    emulator.store().apply_lifecycle().await.unwrap();
    assert!(r2.head("logs/before").await.unwrap().is_none());
    let film = r2.head("films/a").await.unwrap().unwrap();
    assert_eq!(film.storage_class, Some(StorageClass::InfrequentAccess));
    assert_eq!(r2.list_multipart_uploads().await.unwrap().uploads.len(), 0);

    r2.delete_lifecycle().await.unwrap();
    r2.delete_lifecycle().await.unwrap();
    assert_eq!(r2.lifecycle().await.unwrap(), None);
    emulator.stop().await;
}

#[tokio::test]
async fn ages_that_are_not_of_whole_days_are_not_sent() {
    let (emulator, r2, _clock) = start().await;
    let hour = LifecycleRule::new("hour").delete_objects(Duration::from_secs(3600));
    let refused = r2.set_lifecycle(LifecyclePolicy::new([hour.clone()])).await.unwrap_err();
    assert_eq!((refused.kind(), refused.attempts()), (ErrorKind::InvalidInput, 1));
    assert!(refused.message().contains("counts in days"), "{refused}");
    // What the store itself was told is rounded up.
    let bucket = R2Service::new(emulator.store().bucket("media").unwrap());
    bucket.set_lifecycle(LifecyclePolicy::new([hour])).await.unwrap();
    let day = LifecycleRule::new("hour").delete_objects(days(1));
    assert_eq!(r2.lifecycle().await.unwrap(), Some(LifecyclePolicy::new([day])));
    emulator.stop().await;
}

fn rules(rules: &str) -> String {
    format!(
        "<LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{rules}</LifecycleConfiguration>"
    )
}

#[tokio::test]
async fn answers_say_when_an_object_is_deleted() {
    let local = Local::start().await;
    let document = rules(
        "<Rule><ID>a b</ID><Filter><Prefix>logs/</Prefix></Filter><Status>Enabled</Status>\
         <Expiration><Date>2100-01-02T00:00:00Z</Date></Expiration></Rule>",
    );
    local.put("/media/logs/a", "123").await;
    local.put("/media?lifecycle", document).await;
    let expected = "expiry-date=\"Sat, 02 Jan 2100 00:00:00 GMT\", rule-id=\"a%20b\"";
    for (method, target) in [("GET", "/media/logs/a"), ("HEAD", "/media/logs/a"), ("PUT", "/media/logs/b")] {
        let answer = local.request(method, target).send().await;
        assert_eq!(answer.headers["x-amz-expiration"], expected, "{method}");
    }
    let range = local.request("GET", "/media/logs/a").header("range", "bytes=0-0").send().await;
    assert_eq!((range.status, &range.headers["x-amz-expiration"]), (206, &expected.parse().unwrap()));
    let copy =
        local.request("PUT", "/media/logs/c").header("x-amz-copy-source", "/media/logs/a").send().await;
    assert_eq!(copy.headers["x-amz-expiration"], expected);
    let other = local.put("/media/other", "1").await;
    assert!(!other.headers.contains_key("x-amz-expiration"));
    let shown = local.get("/media?lifecycle").await.text();
    assert!(shown.contains("<Expiration><Date>2100-01-02T00:00:00.000Z</Date></Expiration>"), "{shown}");
}

#[tokio::test]
async fn rules_that_aws_or_r2_refuse_are_refused() {
    let local = Local::start().await;
    let enabled = |rest: &str| rules(&format!("<Rule><Status>Enabled</Status><Filter/>{rest}</Rule>"));
    let twice =
        "<Rule><ID>a</ID><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>".repeat(2);
    for (document, status, code) in [
        (rules(""), 400, "MalformedXML"),
        ("<Rules/>".to_owned(), 400, "MalformedXML"),
        (rules(&twice), 400, "InvalidRequest"),
        (enabled(""), 400, "InvalidRequest"),
        (enabled("<Expiration><Days>0</Days></Expiration>"), 400, "InvalidArgument"),
        (enabled("<Expiration><Date>2100-01-02T01:00:00Z</Date></Expiration>"), 400, "InvalidArgument"),
        (
            enabled(
                "<AbortIncompleteMultipartUpload><DaysAfterInitiation>0</DaysAfterInitiation></AbortIncompleteMultipartUpload>",
            ),
            400,
            "InvalidArgument",
        ),
        (
            enabled(
                "<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>",
            ),
            501,
            "NotImplemented",
        ),
    ] {
        let answer = local.request("PUT", "/media?lifecycle").body(document.as_str()).send().await;
        assert_eq!(answer.error(), (status, code.to_owned()), "{document}");
    }
    let missing = local.get("/nothing?lifecycle").await;
    assert_eq!(missing.error(), (404, "NoSuchBucket".to_owned()));
    // That of a new bucket.
    let shown = local.get("/media?lifecycle").await;
    assert!(shown.text().contains("<ID>Default Multipart Abort Rule</ID>"), "{}", shown.text());
    assert_eq!(local.request("DELETE", "/media?lifecycle").send().await.status, 204);
    let gone = local.get("/media?lifecycle").await;
    assert_eq!(gone.error(), (404, "NoSuchLifecycleConfiguration".to_owned()));
}
