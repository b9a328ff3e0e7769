//! `Buckets` over S3 and `Namespaces` over REST, against a scripted server.

use std::time::{Duration, UNIX_EPOCH};

use cloudflare_clients::kv::{KvAccountConfig, Namespaces};
use cloudflare_clients::r2::{Buckets, R2AccountConfig};
use cloudflare_clients::{ErrorKind, RestNamespaces, RetryPolicy, S3Buckets};
use testkit::{ManualClock, ScriptedServer, answer};

const ACCOUNT: &str = "0123456789abcdef0123456789abcdef";
const ID: &str = "fedcba9876543210fedcba9876543210";

async fn server(answers: impl IntoIterator<Item = String>) -> (ScriptedServer, Buckets, Namespaces) {
    let scripted = ScriptedServer::answering(answers).await;
    let clock = ManualClock::at(UNIX_EPOCH + Duration::from_secs(500_000 * 3600)).with_random(0.0);
    let account = R2AccountConfig::for_endpoint(scripted.url(), ID, "secret");
    let buckets = Buckets::new(S3Buckets::new(account).unwrap().with_runtime(clock.clone()));
    let account = KvAccountConfig::new(ACCOUNT, "s3cret").base_url(format!("{}/client/v4", scripted.url()));
    let namespaces = Namespaces::new(RestNamespaces::new(account).unwrap().with_runtime(clock));
    (scripted, buckets, namespaces)
}

fn ok(body: &str) -> String {
    answer("200 OK", &[], body)
}

fn s3_error(status: &str, code: &str) -> String {
    answer(status, &[], &format!("<Error><Code>{code}</Code><Message>No.</Message></Error>"))
}

fn list(name: &str, created: &str) -> String {
    ok(&format!(
        "<ListAllMyBucketsResult><Buckets><Bucket><CreationDate>{created}</CreationDate><Name>{name}</Name></Bucket>\
         </Buckets></ListAllMyBucketsResult>"
    ))
}

fn kv_error(status: &str, code: u32) -> String {
    let errors = format!(r#"[{{"code":{code},"message":"no"}}]"#);
    answer(status, &[], &format!(r#"{{"success":false,"errors":{errors},"messages":[],"result":null}}"#))
}

#[tokio::test]
async fn a_bucket_whose_creation_was_not_answered_is_ours_if_it_is_new() {
    let taken = || s3_error("409 Conflict", "BucketAlreadyOwnedByYou");
    let lost = || s3_error("500 Internal Server Error", "InternalError");
    // It is 2027-01-15T08:00:00Z.
    for (listed, is_ours) in [
        (list("media", "2027-01-15T07:59:59.000Z"), true),
        (list("media", "2027-01-15T07:00:00.000Z"), false),
        (list("media-2", "2027-01-15T08:00:00.000Z"), false),
        (lost(), false),
    ] {
        let (scripted, buckets, _) = server([lost(), taken(), listed]).await;
        let created = buckets.create("media").await;
        match created {
            Ok(bucket) => assert!(is_ours && bucket.name == "media"),
            Err(error) => {
                assert!(!is_ours);
                assert_eq!((error.kind(), error.attempts()), (ErrorKind::Conflict, 2));
            }
        }
        assert_eq!(scripted.lines(), ["PUT /media", "PUT /media", "GET /?max-keys=1&prefix=media"]);
    }
    // Without an earlier attempt there is nothing to look for.
    let (scripted, buckets, _) = server([taken()]).await;
    assert_eq!(buckets.create("media").await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(scripted.lines().len(), 1);
}

#[tokio::test]
async fn what_an_attempt_before_has_deleted_is_deleted() {
    let lost = || answer("503 Service Unavailable", &[], "");
    let (_, buckets, _) = server([lost(), s3_error("404 Not Found", "NoSuchBucket")]).await;
    buckets.delete("media").await.unwrap();
    let (_, buckets, _) = server([s3_error("404 Not Found", "NoSuchBucket")]).await;
    assert_eq!(buckets.delete("media").await.unwrap_err().kind(), ErrorKind::NoSuchBucket);
    let (_, _, namespaces) = server([lost(), kv_error("404 Not Found", 10013)]).await;
    namespaces.delete(ID).await.unwrap();
    let (_, _, namespaces) = server([kv_error("404 Not Found", 10013)]).await;
    assert_eq!(namespaces.delete(ID).await.unwrap_err().kind(), ErrorKind::NoSuchNamespace);
}

#[tokio::test]
async fn heads_say_that_a_bucket_is_missing_or_closed() {
    let region = ["x-amz-bucket-region: auto"];
    let answers =
        [answer("200 OK", &region, ""), answer("404 Not Found", &[], ""), answer("403 Forbidden", &[], "")];
    let (scripted, buckets, _) =
        server(answers.map(|answer| answer.replace("Content-Length: 0\r\n", ""))).await;
    let buckets = buckets.with_retry(RetryPolicy::none());
    assert_eq!(buckets.head("media").await.unwrap().unwrap().region.as_deref(), Some("auto"));
    assert!(buckets.head("media").await.unwrap().is_none());
    let refused = buckets.head("media").await.unwrap_err();
    assert_eq!((refused.kind(), refused.operation()), (ErrorKind::Forbidden, Some("head_bucket")));
    assert_eq!(scripted.lines(), ["HEAD /media"; 3]);
}

#[tokio::test]
async fn a_listing_that_goes_in_a_circle_is_refused() {
    use futures_util::TryStreamExt as _;

    let page = list("media", "2027-01-15T08:00:00.000Z").replace(
        "</ListAllMyBucketsResult>",
        "<ContinuationToken>t</ContinuationToken></ListAllMyBucketsResult>",
    );
    let page = ok(page.split_once("\r\n\r\n").unwrap().1);
    let (_, buckets, _) = server([page.clone(), page]).await;
    let error = buckets.list().stream().try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
}

#[tokio::test]
async fn requests_about_namespaces_have_their_paths_and_documents() {
    let namespace = format!(r#"{{"id":"{ID}","title":"t","supports_url_encoding":true}}"#);
    let answers = [
        format!(r#"{{"success":true,"result":{namespace}}}"#),
        format!(r#"{{"success":true,"result":[{namespace}],"result_info":{{"total_count":1}}}}"#),
        format!(r#"{{"success":true,"result":{namespace}}}"#),
        r#"{"success":true,"result":null}"#.to_owned(),
    ];
    let (scripted, _, namespaces) = server(answers.map(|body| ok(&body))).await;
    assert_eq!(namespaces.create("t").await.unwrap().id, ID);
    assert_eq!(namespaces.list().await.unwrap().namespaces.len(), 1);
    namespaces.rename(ID, "u").await.unwrap();
    namespaces.delete(ID).await.unwrap();
    let base = format!("/client/v4/accounts/{ACCOUNT}/storage/kv/namespaces");
    let expected = [
        format!("POST {base}"),
        format!("GET {base}?order=title&page=1&per_page=20"),
        format!("PUT {base}/{ID}"),
        format!("DELETE {base}/{ID}"),
    ];
    assert_eq!(scripted.lines(), expected);
    let bodies: Vec<_> = scripted.requests().into_iter().map(|request| request.body).collect();
    assert_eq!(bodies, [r#"{"title":"t"}"#, "", r#"{"title":"u"}"#, ""]);
    // An invalid id is not sent.
    let refused = namespaces.delete("../accounts").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert_eq!(scripted.lines().len(), 4);
}

#[tokio::test]
async fn a_mock_of_one_bucket_or_namespace_has_no_others() {
    use cloudflare_clients::kv::KvClient;
    use cloudflare_clients::r2::R2Service;
    use cloudflare_clients::testing::{MockBucket, MockNamespace};

    let buckets = R2Service::new(MockBucket::new()).buckets();
    assert_eq!(buckets.unwrap_err().kind(), ErrorKind::Unsupported);
    let namespaces = KvClient::new(MockNamespace::new()).namespaces();
    assert_eq!(namespaces.unwrap_err().kind(), ErrorKind::Unsupported);
}
