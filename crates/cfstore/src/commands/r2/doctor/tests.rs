//! Tests of the doctor with servers that are each wrong in one way. Requests to other hosts get answers of
//! the test.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use cloudflare_clients::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use cloudflare_clients::r2::{Body, R2Service};
use cloudflare_clients::{Error, ErrorKind, HttpClient, HyperClient, LocalStore, async_trait};
use cloudflare_emulator::{Emulator, ManualClock};
use futures_util::TryStreamExt as _;

use super::wrong_server::{BUCKET, Wrong, WrongServer, started};
use super::*;
use crate::variables::{
    CLOUDFLARE_ACCOUNT_ID, CLOUDFLARE_API_BASE_URL, CLOUDFLARE_API_TOKEN, KV_NAMESPACE_ID, R2_ACCOUNT_ID,
    R2_JURISDICTION,
};

const ACCOUNT: &str = "0123456789abcdef0123456789abcdef";
const ORIGIN: &str = "https://app.example.com";
const PUBLIC: &str = "https://media.example.com";

type Vars = BTreeMap<&'static str, String>;

/// What other hosts answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Elsewhere {
    /// Nothing: their names are unknown.
    Nowhere,
    /// The application has this policy, and the public host serves the bucket.
    App(&'static str),
    /// R2, with the bucket in the jurisdiction `eu`, and a read-only key.
    R2,
    /// The public host answers this status, with a page or an empty body.
    Public(u16),
}

#[derive(Debug)]
struct Hosts {
    elsewhere: Elsewhere,
    store: Option<LocalStore>,
    client: HyperClient,
}

#[async_trait]
impl HttpClient for Hosts {
    async fn send(&self, request: Request<Body>) -> cloudflare_clients::Result<Response<Body>> {
        let uri = request.uri().clone();
        let host = uri.host().unwrap_or_default().to_owned();
        if host == "127.0.0.1" {
            return self.client.send(request).await;
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
        let (status, body) = match (self.elsewhere, host.as_str()) {
            (Elsewhere::App(policy), "app.example.com") => {
                headers.insert("content-security-policy", HeaderValue::from_static(policy));
                (200, "<html>".into())
            }
            (Elsewhere::App(_), "media.example.com") => {
                let bucket = self.store.as_ref().unwrap().bucket(BUCKET)?;
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static(ORIGIN));
                match R2Service::new(bucket).get(uri.path().trim_start_matches('/')).await? {
                    Some(object) => (200, object.bytes().await?.into()),
                    None => (404, "not here".into()),
                }
            }
            (Elsewhere::Public(status), "media.example.com") => {
                let to = "https://elsewhere.example.com/?X-Amz-Signature=abcdef";
                headers.insert(header::LOCATION, HeaderValue::from_static(to));
                (status, Body::from("<html>Welcome"))
            }
            (Elsewhere::R2, host) => r2(&request, host),
            _ => return Err(Error::new(ErrorKind::Dns, format!("{host} cannot be found"))),
        };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        *response.headers_mut() = headers;
        Ok(response)
    }
}

fn r2(request: &Request<Body>, host: &str) -> (u16, Body) {
    let error =
        |status, code| (status, format!("<Error><Code>{code}</Code><Message>m</Message></Error>").into());
    let lists = request.uri().query().is_some_and(|query| query.contains("list-type=2"));
    if !request.headers().contains_key(header::AUTHORIZATION) {
        return error(400, "InvalidArgument");
    }
    match host.strip_suffix(".r2.cloudflarestorage.com").and_then(|host| host.strip_prefix("media.")) {
        Some(account) if account == format!("{ACCOUNT}.eu") => {
            if lists {
                (200, format!("<ListBucketResult><Name>{BUCKET}</Name></ListBucketResult>").into())
            } else {
                error(403, "AccessDenied")
            }
        }
        Some(_) => error(404, "NoSuchBucket"),
        None => error(403, "AccessDenied"),
    }
}

struct Examination {
    findings: Vec<Finding>,
    /// All texts of the findings, which could contain a secret.
    said: String,
}

impl Examination {
    fn with(&self, result: Outcome) -> Vec<&'static str> {
        self.findings.iter().filter(|finding| finding.result == result).map(|finding| finding.check).collect()
    }

    fn of(&self, check: &str) -> &Finding {
        self.findings.iter().find(|finding| finding.check == check).unwrap()
    }

    fn broken(&self) -> Vec<&'static str> {
        self.with(Outcome::Broken)
    }
}

fn vars(server: &Emulator, url: &str) -> Vars {
    BTreeMap::from([
        (R2_ENDPOINT, url.to_owned()),
        (R2_ACCESS_KEY_ID, server.credentials().access_key_id().to_owned()),
        (R2_SECRET_ACCESS_KEY, server.credentials().secret_access_key().to_owned()),
        (R2_BUCKET_MEDIA, BUCKET.to_owned()),
    ])
}

fn patient(vars: &Vars, elsewhere: Elsewhere, store: Option<&LocalStore>, options: Options) -> Patient {
    Patient {
        subject: Subject::from_vars(|name| vars.get(name).map(OsString::from), None),
        options,
        client: Arc::new(Hosts { elsewhere, store: store.cloned(), client: HyperClient::new().unwrap() }),
        check_limit: Duration::from_secs(6),
        clean_limit: Duration::from_secs(5),
    }
}

fn with_origin() -> Options {
    Options { origin: Some(ORIGIN.to_owned()), ..Options::default() }
}

async fn examined(patient: Patient, vars: &Vars) -> Examination {
    let Examined { findings, cleanup } = patient.examined_until(std::future::pending()).await;
    let findings = [findings.unwrap(), vec![cleanup]].concat();
    let said = serde_json::to_string(&findings).unwrap();
    for secret in [R2_SECRET_ACCESS_KEY, CLOUDFLARE_API_TOKEN] {
        let secret = vars.get(secret).filter(|secret| !secret.is_empty());
        assert!(secret.is_none_or(|secret| !said.contains(secret)), "{said}");
    }
    let mut runs = said.split(|c: char| !c.is_ascii_hexdigit());
    assert!(runs.all(|run| run.len() < 64), "a signature in {said}");
    let checks: Vec<_> = findings.iter().map(|finding| finding.check).collect();
    assert_eq!(checks[..23], examination::CHECKS);
    assert_eq!(checks[23..], ["Workers KV", "cleanup"]);
    for finding in &findings {
        let Finding { check, result, seen, means, mend } = finding;
        assert!(!seen.is_empty() && !means.is_empty(), "{check}");
        let mends = mend.as_ref().is_some_and(|mend| !mend.is_empty());
        assert!(mends || matches!(result, Outcome::Ok | Outcome::NotPossible), "{finding:?}");
    }
    Examination { findings, said }
}

/// Examines this server with pages of [`ORIGIN`], and checks that it is unchanged.
async fn at(wrong: &WrongServer) -> Examination {
    let vars = vars(&wrong.server, &wrong.url());
    let examination = examined(patient(&vars, Elsewhere::Nowhere, None, with_origin()), &vars).await;
    assert_nothing_left(&wrong.server).await;
    examination
}

async fn assert_nothing_left(server: &Emulator) {
    let r2 = R2Service::new(server.store().bucket(BUCKET).unwrap());
    let keys: Vec<_> = r2.list().stream().map_ok(|object| object.key).try_collect().await.unwrap();
    assert!(keys.iter().all(|key| key == "film.mp4"), "{keys:?}");
    let uploads: Vec<_> = r2.list_multipart_uploads().stream().try_collect().await.unwrap();
    assert!(uploads.iter().all(|upload| upload.key == "old.mp4"), "{uploads:?}");
}

#[tokio::test]
async fn nothing_is_wrong() {
    let found = at(&WrongServer::start(Wrong::Nothing).await).await;
    assert_eq!(found.broken(), [""; 0], "{}", found.said);
    assert_eq!(found.with(Outcome::Warning), [""; 0], "{}", found.said);
    assert_eq!(
        found.with(Outcome::NotPossible),
        ["jurisdiction", "public URL", "Content-Security-Policy", "Workers KV"]
    );
    assert_eq!(found.of("cleanup").seen, "2 objects and 1 upload removed");
}

#[tokio::test]
async fn each_wrong_server_is_found_out() {
    let cors = ["CORS GET", "CORS PUT", "CORS parts"];
    for (wrong, broken, mend) in [
        (Wrong::Clock(Duration::from_secs(2 * 3600)), &["clock"][..], "timedatectl"),
        (Wrong::Region, &["region"], "export R2_REGION=us-east-1"),
        (Wrong::Credentials, &["credentials"], "R2_SECRET_ACCESS_KEY"),
        (Wrong::Presigned, &["presigned GET", "presigned HEAD", "presigned PUT", "CORS parts"], "r2 presign"),
        (Wrong::Range, &["range"], "curl"),
        (Wrong::Conditions, &["conditions"], "export R2_ENDPOINT"),
        (Wrong::NoCors, &cors, "cfstore r2 cors set"),
        (Wrong::CorsOrigin, &cors, "cfstore r2 cors set"),
        (Wrong::CorsHeader, &["CORS PUT"], "cfstore r2 cors set"),
        (Wrong::CorsMethod, &["CORS PUT", "CORS parts"], "cfstore r2 cors set"),
        (Wrong::CorsExposed, &["CORS parts"], "cfstore r2 cors set"),
        (Wrong::CorsOnlyPreflights, &["CORS GET", "CORS parts"], "cfstore r2 cors set"),
        (Wrong::AdminDenied, &[], ""),
    ] {
        let found = at(&WrongServer::start(wrong).await).await;
        assert_eq!(found.broken(), broken, "{wrong:?}: {}", found.said);
        if let Some(check) = broken.first() {
            let finding = found.of(check);
            assert!(finding.mend.as_ref().unwrap().contains(mend), "{finding:?}");
        }
    }
}

#[tokio::test]
async fn a_page_is_not_taken_for_a_bucket() {
    let found = at(&WrongServer::start(Wrong::Website).await).await;
    assert!(found.of("bucket").seen.contains("200 text/html"), "{}", found.said);
    assert_eq!(found.broken(), ["bucket", "CORS GET", "CORS PUT"], "{}", found.said);
}

#[tokio::test]
async fn with_a_read_only_key_writes_are_not_possible() {
    let wrong = WrongServer::start(Wrong::ReadOnly).await;
    let not_possible = ["write", "presigned PUT", "conditions", "CORS parts"];
    let found = at(&wrong).await;
    assert_eq!(found.broken(), [""; 0], "{}", found.said);
    for check in not_possible.into_iter().chain(["presigned GET", "presigned HEAD", "range"]) {
        assert_eq!(found.of(check).result, Outcome::NotPossible, "{check}");
    }
    assert_eq!(found.of("cleanup").seen, "nothing was written");

    // What it has is read then.
    R2Service::new(wrong.server.store().bucket(BUCKET).unwrap()).put("film.mp4", "a film").await.unwrap();
    let found = at(&wrong).await;
    assert_eq!(found.broken(), [""; 0], "{}", found.said);
    let not_possible = [
        &["jurisdiction"][..],
        &not_possible[..3],
        &["CORS parts", "public URL", "Content-Security-Policy", "Workers KV"],
    ]
    .concat();
    assert_eq!(found.with(Outcome::NotPossible), not_possible);
}

#[tokio::test]
async fn a_key_that_may_not_list_is_no_fault() {
    let found = at(&WrongServer::start(Wrong::ListDenied).await).await;
    assert_eq!(found.broken(), [""; 0], "{}", found.said);
    for check in ["bucket", "list", "unfinished uploads"] {
        assert_eq!(found.of(check).result, Outcome::NotPossible, "{check}");
    }
    assert_eq!(found.of("conditions").result, Outcome::Ok);
    assert_eq!(found.of("cleanup").seen, "2 objects and 1 upload removed");
}

#[tokio::test]
async fn what_cannot_be_removed_is_told() {
    let wrong = WrongServer::start(Wrong::DeleteDenied).await;
    let vars = vars(&wrong.server, &wrong.url());
    let found = examined(patient(&vars, Elsewhere::Nowhere, None, Options::default()), &vars).await;
    let finding = found.of("cleanup");
    assert_eq!(finding.result, Outcome::Warning);
    assert!(
        finding
            .mend
            .as_ref()
            .unwrap()
            .contains(&format!("r2 rm --bucket {BUCKET} --prefix .cfstore-doctor/")),
        "{finding:?}"
    );
}

#[tokio::test]
async fn what_a_killed_doctor_left_is_told_and_not_removed() {
    let wrong = WrongServer::start(Wrong::Nothing).await;
    let r2 = R2Service::new(wrong.server.store().bucket(BUCKET).unwrap());
    r2.put(".cfstore-doctor/other/object.txt", "x").await.unwrap();
    let vars = vars(&wrong.server, &wrong.url());
    let found = examined(patient(&vars, Elsewhere::Nowhere, None, Options::default()), &vars).await;
    let finding = found.of("cleanup");
    assert_eq!(finding.result, Outcome::Warning);
    assert!(finding.seen.contains("other/object.txt"), "{finding:?}");
    assert!(r2.head(".cfstore-doctor/other/object.txt").await.unwrap().is_some());
}

#[tokio::test]
async fn the_bucket_in_the_endpoint_is_found_and_nothing_is_written_in_it() {
    let wrong = WrongServer::start(Wrong::Nothing).await;
    let vars = vars(&wrong.server, &format!("{}/{BUCKET}", wrong.url()));
    let found = examined(patient(&vars, Elsewhere::Nowhere, None, with_origin()), &vars).await;
    assert_eq!(found.broken(), ["endpoint"], "{}", found.said);
    let finding = found.of("endpoint");
    assert_eq!(finding.mend, Some(format!("export R2_ENDPOINT={}", wrong.url())));
    assert_eq!(found.of("write").result, Outcome::Ok);
    assert_nothing_left(&wrong.server).await;

    // Where no listing tells, nothing is written.
    let wrong = WrongServer::start(Wrong::ListDenied).await;
    let vars = self::vars(&wrong.server, &format!("{}/{BUCKET}", wrong.url()));
    let found = examined(patient(&vars, Elsewhere::Nowhere, None, with_origin()), &vars).await;
    assert_eq!(found.of("cleanup").seen, "nothing was written", "{}", found.said);
    let vars = self::vars(&wrong.server, &format!("{}/films", wrong.url()));
    let found = examined(patient(&vars, Elsewhere::Nowhere, None, with_origin()), &vars).await;
    assert_eq!(found.of("cleanup").seen, "nothing was written", "{}", found.said);
}

#[tokio::test]
async fn a_bucket_that_is_missing() {
    let wrong = WrongServer::start(Wrong::Nothing).await;
    let mut vars = vars(&wrong.server, &wrong.url());
    vars.insert(R2_BUCKET_MEDIA, "films".to_owned());
    let found = examined(patient(&vars, Elsewhere::Nowhere, None, with_origin()), &vars).await;
    assert_eq!(found.broken(), ["bucket"], "{}", found.said);
    assert!(found.of("bucket").mend.as_ref().unwrap().starts_with("cfstore r2 bucket create films"));
}

#[tokio::test]
async fn a_bucket_of_another_jurisdiction() {
    let mut vars = BTreeMap::from([
        (R2_ACCOUNT_ID, ACCOUNT.to_owned()),
        (R2_ACCESS_KEY_ID, "f".repeat(32)),
        (R2_SECRET_ACCESS_KEY, "e".repeat(64)),
        (R2_BUCKET_MEDIA, BUCKET.to_owned()),
    ]);
    let found = examined(patient(&vars, Elsewhere::R2, None, Options::default()), &vars).await;
    assert_eq!(found.broken(), ["jurisdiction"], "{}", found.said);
    assert_eq!(found.of("jurisdiction").mend.as_deref(), Some("export R2_JURISDICTION=eu"));
    assert_eq!(found.of("list").result, Outcome::Ok);

    vars.insert(R2_JURISDICTION, "eu".to_owned());
    let found = examined(patient(&vars, Elsewhere::R2, None, Options::default()), &vars).await;
    assert_eq!(found.broken(), [""; 0], "{}", found.said);
    assert_eq!(found.of("jurisdiction").result, Outcome::Ok);

    vars.insert(R2_JURISDICTION, "us".to_owned());
    let found = examined(patient(&vars, Elsewhere::R2, None, Options::default()), &vars).await;
    assert_eq!(found.broken(), ["jurisdiction"], "{}", found.said);

    // As the dashboard shows it.
    vars.remove(R2_JURISDICTION);
    vars.insert(R2_ENDPOINT, format!("https://{ACCOUNT}.eu.r2.cloudflarestorage.com/{BUCKET}"));
    let found = examined(patient(&vars, Elsewhere::R2, None, Options::default()), &vars).await;
    assert_eq!(found.with(Outcome::Warning), ["variables"], "{}", found.said);
}

#[tokio::test]
async fn variables_that_name_nothing() {
    let wrong = WrongServer::start(Wrong::Nothing).await;
    let mut vars = vars(&wrong.server, &format!("https://{ACCOUNT}.r2.cloudflarestorage.com/films"));
    let found = examined(patient(&vars, Elsewhere::Nowhere, None, Options::default()), &vars).await;
    assert_eq!(found.broken(), ["variables"]);
    assert!(found.of("variables").seen.contains("names the bucket \"films\""), "{}", found.said);

    vars.insert(R2_ENDPOINT, wrong.url());
    vars.insert(R2_ACCESS_KEY_ID, "e".repeat(64));
    vars.insert(R2_SECRET_ACCESS_KEY, "f".repeat(32));
    let found = examined(patient(&vars, Elsewhere::Nowhere, None, Options::default()), &vars).await;
    assert_eq!(found.broken(), ["variables", "credentials"], "{}", found.said);
}

#[tokio::test]
async fn dead_and_silent_hosts_end_in_time() {
    let server = started(Emulator::builder()).await;
    let (address, vars_of) = (server.local_addr(), |url: &str| vars(&server, url));
    let nobody =
        format!("http://{}", std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let found = {
        let vars = vars_of(&nobody);
        examined(patient(&vars, Elsewhere::Nowhere, None, with_origin()), &vars).await
    };
    assert_eq!(found.broken(), ["connection"], "{}", found.said);
    let vars = vars_of("https://s3.example.com");
    let found = examined(patient(&vars, Elsewhere::Nowhere, None, with_origin()), &vars).await;
    assert_eq!(found.broken(), ["connection"], "{}", found.said);
    assert_ne!(address.port(), 0);

    let silent = WrongServer::start(Wrong::Silent).await;
    let vars = self::vars(&silent.server, &silent.url());
    let mut patient = patient(&vars, Elsewhere::Nowhere, None, with_origin());
    patient.check_limit = Duration::from_millis(300);
    let begin = Instant::now();
    let found = examined(patient, &vars).await;
    assert_eq!(found.broken(), ["connection"], "{}", found.said);
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_check_that_is_not_answered_is_the_only_one() {
    let wrong = WrongServer::start(Wrong::UploadsNotAnswered).await;
    let vars = vars(&wrong.server, &wrong.url());
    let mut patient = patient(&vars, Elsewhere::Nowhere, None, Options::default());
    (patient.check_limit, patient.clean_limit) = (Duration::from_secs(1), Duration::from_secs(1));
    let found = examined(patient, &vars).await;
    assert_eq!(found.broken(), ["unfinished uploads"], "{}", found.said);
    assert_nothing_left(&wrong.server).await;
}

#[tokio::test]
async fn what_was_written_is_removed_when_it_is_stopped() {
    let wrong = WrongServer::start(Wrong::SlowWrites(Duration::from_millis(300))).await;
    let vars = vars(&wrong.server, &wrong.url());
    // Within the first write, between it and the next ones, and within these.
    for milliseconds in [100, 350, 450] {
        let patient = patient(&vars, Elsewhere::Nowhere, None, with_origin());
        let examined = patient.examined_until(tokio::time::sleep(Duration::from_millis(milliseconds))).await;
        assert!(examined.findings.is_none());
        assert_eq!(examined.cleanup.result, Outcome::Ok, "{:?}", examined.cleanup);
        assert_ne!(examined.cleanup.seen, "nothing was written");
        assert_nothing_left(&wrong.server).await;
    }
}

#[tokio::test]
async fn the_public_url_serves_the_bucket_or_something_else_answers() {
    let wrong = WrongServer::start(Wrong::Nothing).await;
    let vars = vars(&wrong.server, &wrong.url());
    for (elsewhere, base, result, seen) in [
        (Elsewhere::App("default-src *"), PUBLIC, Outcome::Ok, "serves the object that was just stored"),
        (Elsewhere::App("default-src *"), "https://media.example.com/cdn", Outcome::Broken, "404 text/html"),
        (Elsewhere::Public(200), PUBLIC, Outcome::Broken, "200 text/html, and that is not the object"),
        (Elsewhere::Public(403), PUBLIC, Outcome::Broken, "403 text/html"),
        (Elsewhere::Public(302), PUBLIC, Outcome::Broken, "leads to https://elsewhere.example.com/"),
        (Elsewhere::Nowhere, PUBLIC, Outcome::Broken, "cannot be found"),
        (Elsewhere::Nowhere, "https://x.r2.cloudflarestorage.com", Outcome::Broken, "is the S3 endpoint"),
    ] {
        let options = Options { public_url: Some(base.to_owned()), ..Options::default() };
        let found = examined(patient(&vars, elsewhere, Some(wrong.server.store()), options), &vars).await;
        let finding = found.of("public URL");
        assert_eq!(finding.result, result, "{elsewhere:?}: {finding:?}");
        assert!(finding.seen.contains(seen), "{elsewhere:?}: {finding:?}");
        assert!(!found.said.contains("abcdef\""), "{}", found.said);
    }
}

#[tokio::test]
async fn a_policy_needs_lines() {
    let wrong = WrongServer::start(Wrong::Nothing).await;
    let vars = vars(&wrong.server, &wrong.url());
    let options = || Options {
        origin: Some(ORIGIN.to_owned()),
        public_url: Some(PUBLIC.to_owned()),
        ..Options::default()
    };
    for (policy, broken) in [
        ("default-src *", &[""; 0][..]),
        ("default-src 'self'", &["Content-Security-Policy"]),
        ("connect-src https: http:; media-src 'self'", &["Content-Security-Policy"]),
    ] {
        let store = Some(wrong.server.store());
        let found = examined(patient(&vars, Elsewhere::App(policy), store, options()), &vars).await;
        assert_eq!(found.broken(), broken, "{policy}: {}", found.said);
        let finding = found.of("Content-Security-Policy");
        let lines = format!("connect-src 'self' {} {PUBLIC};", wrong.url());
        assert!(broken.is_empty() || finding.mend.as_ref().unwrap().contains(&lines), "{finding:?}");
    }
}

#[tokio::test]
async fn old_uploads_weigh() {
    let clock = ManualClock::at(SystemTime::now() - Duration::from_secs(48 * 3600));
    let server = started(Emulator::builder().with_runtime(clock.clone())).await;
    let upload = R2Service::new(server.store().bucket(BUCKET).unwrap())
        .create_multipart_upload("old.mp4")
        .await
        .unwrap();
    upload.upload_part(1, vec![0; 3 * 1024 * 1024]).await.unwrap();
    clock.advance(Duration::from_secs(48 * 3600));
    let wrong = WrongServer::before(server, Wrong::Nothing).await;
    let found = at(&wrong).await;
    let finding = found.of("unfinished uploads");
    assert_eq!(finding.result, Outcome::Warning);
    assert!(finding.seen.starts_with("1 upload, 3.00 MiB; the oldest was started 2 days ago"), "{finding:?}");
}

#[tokio::test]
async fn kv_tokens_and_namespaces() {
    let server = started(Emulator::builder()).await;
    let namespace = cloudflare_clients::LocalNamespace::open_in(server.store(), "sessions").await.unwrap();
    let id = namespace.id().to_owned();
    let right = || {
        let mut vars = vars(&server, &format!("http://{}", server.local_addr()));
        let api = format!("http://{}/client/v4", server.local_addr());
        vars.extend([
            (CLOUDFLARE_API_BASE_URL, api),
            (CLOUDFLARE_ACCOUNT_ID, server.credentials().account_id().to_owned()),
            (CLOUDFLARE_API_TOKEN, server.credentials().api_token()),
            (KV_NAMESPACE_ID, id.clone()),
        ]);
        vars
    };
    for (name, value, result, mend) in [
        (KV_NAMESPACE_ID, id.clone(), Outcome::Ok, ""),
        (KV_NAMESPACE_ID, "0".repeat(32), Outcome::Broken, "cfstore kv namespace ls"),
        (CLOUDFLARE_API_TOKEN, "another-token".to_owned(), Outcome::Broken, "export CLOUDFLARE_API_TOKEN"),
        (CLOUDFLARE_API_TOKEN, String::new(), Outcome::Broken, "cfstore --help"),
        (KV_NAMESPACE_ID, String::new(), Outcome::NotPossible, ""),
    ] {
        let mut vars = right();
        vars.insert(name, value);
        let found = examined(patient(&vars, Elsewhere::Nowhere, None, Options::default()), &vars).await;
        let finding = found.of("Workers KV");
        assert_eq!(finding.result, result, "{finding:?}");
        assert!(finding.mend.as_ref().is_none_or(|command| command.contains(mend)), "{finding:?}");
    }
}
