//! Temporary credentials through Cloudflare's API, according to its documentation.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloudflare_clients::r2::{AccessScope, R2SigningClient, S3Action, TempCredentials};
use cloudflare_clients::{ErrorKind, Runtime as _, TempCredentialsApi};
use serde_json::{Value, json};
use testkit::{ManualClock, ScriptedServer, answer};

const ACCOUNT: &str = "0123456789abcdef0123456789abcdef";
const ID: &str = "fedcba9876543210fedcba9876543210";

fn api(server: &ScriptedServer) -> TempCredentialsApi {
    let api = TempCredentialsApi::new(ACCOUNT, "t0ken", ID).unwrap();
    api.with_base_url(&format!("{}/client/v4", server.url())).unwrap()
}

#[tokio::test]
async fn the_api_is_asked_as_it_documents() {
    let result = json!({ "accessKeyId": "id", "secretAccessKey": "s3cret", "sessionToken": "s3ssion" });
    let body = json!({ "success": true, "errors": [], "messages": [], "result": result }).to_string();
    let server = ScriptedServer::answering([answer("200 OK", &[], &body)]).await;
    let clock = ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    let request = TempCredentials::for_bucket("media")
        .scope(AccessScope::ObjectReadWrite)
        .prefix("creator-123/")
        .object("film.mp4")
        .lifetime(Duration::from_secs(3600));
    let temporary = api(&server).with_runtime(clock.clone()).create(&request).await.unwrap();
    let sent = server.requests().remove(0);
    assert_eq!(sent.line, format!("POST /client/v4/accounts/{ACCOUNT}/r2/temp-access-credentials HTTP/1.1"));
    assert!(sent.headers.contains("authorization: Bearer t0ken\r\n"), "{}", sent.headers);
    assert!(sent.headers.contains("content-type: application/json\r\n"), "{}", sent.headers);
    assert_eq!(
        serde_json::from_str::<Value>(&sent.body).unwrap(),
        json!({
            "bucket": "media",
            "parentAccessKeyId": ID,
            "permission": "object-read-write",
            "ttlSeconds": 3600,
            "prefixes": ["creator-123/"],
            "objects": ["film.mp4"],
        })
    );
    assert_eq!(
        (temporary.access_key_id(), temporary.secret_access_key(), temporary.session_token()),
        ("id", "s3cret", "s3ssion")
    );
    assert_eq!(temporary.expires_at(), clock.now() + Duration::from_secs(3600));
    let debug = format!("{temporary:?} {:?}", api(&server));
    assert!(!debug.contains("s3cret") && !debug.contains("s3ssion") && !debug.contains("t0ken"), "{debug}");
    let client = R2SigningClient::new(temporary.into()).unwrap().at(SystemTime::now());
    let url = client.generate_signed_url("film.mp4", Duration::from_secs(60)).unwrap();
    assert!(url.as_str().starts_with(&format!("https://media.{ACCOUNT}.r2.cloudflarestorage.com/film.mp4?")));
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_anything_is_sent() {
    let server = ScriptedServer::answering(Vec::<String>::new()).await;
    let media = || TempCredentials::for_bucket("media");
    for (request, kind) in [
        (media().prefix(""), ErrorKind::InvalidInput),
        (media().lifetime(Duration::ZERO), ErrorKind::InvalidInput),
        (media().actions([S3Action::GetObject]), ErrorKind::Unsupported),
    ] {
        assert_eq!(api(&server).create(&request).await.unwrap_err().kind(), kind);
    }
    assert!(server.lines().is_empty());
    let plain = TempCredentialsApi::new(ACCOUNT, "t0ken", ID).unwrap().with_base_url("http://example.com");
    assert!(plain.unwrap_err().message().contains("is not https"));
}

#[tokio::test]
async fn errors_are_the_apis() {
    let refusal = r#"{"success":false,"errors":[{"code":10000,"message":"Authentication error"}],"messages":[],"result":null}"#;
    let empty = r#"{"success":true,"errors":[],"messages":[],"result":null}"#;
    let server =
        ScriptedServer::answering([answer("403 Forbidden", &[], refusal), answer("200 OK", &[], empty)])
            .await;
    let request = TempCredentials::for_bucket("media");
    let error = api(&server).create(&request).await.unwrap_err();
    assert_eq!((error.status().map(|status| status.as_u16()), error.code()), (Some(403), Some("10000")));
    assert!(!format!("{error} {error:?}").contains("t0ken"));
    let error = api(&server).create(&request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
}
