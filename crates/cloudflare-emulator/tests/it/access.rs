//! Who may do what: keys with a scope and buckets, and temporary credentials of them.

use std::time::{Duration, SystemTime};

use cloudflare_clients::r2::{
    AccessScope, R2Service, R2SigningClient, R2SigningConfig, S3Action, TempCredentials,
    TempCredentialsRequest,
};
use cloudflare_clients::sigv4::{Credentials, Signer};
use cloudflare_clients::{ErrorKind, Runtime as _, S3Bucket};
use cloudflare_emulator::{Emulator, Key, ManualClock};

use crate::client::{Answer, Local};

const MIB: usize = 1024 * 1024;

/// A server with a bucket `films` besides, and objects in both.
async fn start() -> Local {
    let local = Local::start().await;
    local.server.store().create_bucket("films").await.unwrap();
    for target in ["/media/data/a", "/media/data/b", "/media/secret", "/media/database", "/films/data/a"] {
        local.put(target, target).await;
    }
    local
}

impl Local {
    /// The server's first key, for this bucket.
    fn parent(&self) -> R2SigningClient {
        R2SigningClient::new(self.server.signing_config("media")).unwrap()
    }

    fn signs_with(&mut self, credentials: Credentials) {
        self.signer = Signer::new(credentials);
    }

    fn signs_with_the_first_key(&mut self) {
        self.signs_with(self.server.credentials().signing());
    }

    fn signs_as_allowed(&mut self, request: &TempCredentialsRequest) {
        self.signs_with(request.mint(&self.parent()).unwrap().signing());
    }

    /// Sent twice: signed in the headers, and in the query.
    async fn both_ways(&self, method: &str, target: &str) -> [Answer; 2] {
        let url = self.presign(method, target, 60, SystemTime::now());
        [self.request(method, target).send().await, self.send_unsigned(method, &url, &[]).await]
    }

    async fn is_denied(&self, method: &str, target: &str) {
        for answer in self.both_ways(method, target).await {
            is_denied(&answer, method, target);
        }
    }

    async fn is_allowed(&self, method: &str, target: &str) {
        for answer in self.both_ways(method, target).await {
            assert!((200..300).contains(&answer.status), "{method} {target}: {}", answer.text());
        }
    }

    async fn copies(&self, target: &str, source: &str) -> Answer {
        self.request("PUT", target).header("x-amz-copy-source", source).send().await
    }
}

/// In R2's words.
fn is_denied(answer: &Answer, method: &str, target: &str) {
    assert_eq!(answer.status, 403, "{method} {target}: {}", answer.text());
    if method != "HEAD" {
        assert_eq!(answer.element("Code"), "AccessDenied", "{method} {target}");
        assert_eq!(answer.element("Message"), "Access Denied");
    }
}

fn below_data() -> TempCredentialsRequest {
    TempCredentials::for_bucket("media").scope(AccessScope::ObjectReadWrite).prefix("data/")
}

#[tokio::test]
async fn a_prefix_is_all_that_is_reached() {
    let mut local = start().await;
    local.signs_as_allowed(&below_data().object("one"));
    for (method, target) in [
        ("PUT", "/media/data/new"),
        ("GET", "/media/data/a"),
        ("HEAD", "/media/data/a"),
        ("DELETE", "/media/data/new"),
        ("PUT", "/media/one"),
        ("HEAD", "/media"),
        ("GET", "/media?location"),
        ("GET", "/media?list-type=2&prefix=data/"),
        ("GET", "/media?prefix=data/a&delimiter=/"),
        ("GET", "/media?uploads&prefix=data/"),
        ("POST", "/media/data/new?uploads"),
    ] {
        local.is_allowed(method, target).await;
    }
    for (method, target) in [
        ("GET", "/media/secret"),
        ("HEAD", "/media/secret"),
        ("GET", "/media/data"),
        ("GET", "/media/database"),
        ("GET", "/media//data/a"),
        ("GET", "/media/one2"),
        ("PUT", "/media/secret"),
        ("POST", "/media/secret"),
        ("DELETE", "/media/secret"),
        ("POST", "/media/secret?uploads"),
        ("GET", "/media/secret?uploadId=x"),
        ("PUT", "/media/secret?uploadId=x&partNumber=1"),
        ("POST", "/media/secret?uploadId=x"),
        ("DELETE", "/media/secret?uploadId=x"),
        ("GET", "/films/data/a"),
        ("PUT", "/films/data/a"),
        ("HEAD", "/films"),
        // Nobody learns whether it is there.
        ("GET", "/absent/data/a"),
        ("HEAD", "/absent"),
        ("GET", "/media/data2/absent"),
        ("GET", "/"),
        ("DELETE", "/media"),
        ("PUT", "/media"),
        ("POST", "/media"),
        ("GET", "/media?cors"),
        ("PUT", "/media?encryption"),
    ] {
        local.is_denied(method, target).await;
    }
}

#[tokio::test]
async fn listings_stay_below_an_allowed_prefix() {
    let mut local = start().await;
    local.signs_as_allowed(&below_data().object("secret"));
    for target in [
        "/media",
        "/media?list-type=2",
        "/media?list-type=2&prefix=",
        "/media?list-type=2&prefix=d",
        "/media?list-type=2&prefix=data",
        "/media?list-type=2&prefix=secret",
        "/media?list-type=2&delimiter=/",
        "/media?list-type=2&start-after=data/",
        "/media?marker=data/",
        // The first counts, for the listing as for the permission.
        "/media?list-type=2&prefix=&prefix=data/",
        "/media?uploads",
        "/media?uploads&prefix=data",
        "/media?uploads&key-marker=data/",
        // The key of the path is not what is listed.
        "/media/data/a?uploads",
        "/films?list-type=2&prefix=data/",
    ] {
        local.is_denied("GET", target).await;
    }
    let page = local.get("/media?list-type=2&prefix=data/&max-keys=1").await;
    assert_eq!(page.elements("Key"), ["data/a"]);
    let token = page.element("NextContinuationToken");
    let rest = local.get(&format!("/media?list-type=2&prefix=data/&continuation-token={token}")).await;
    assert_eq!(rest.elements("Key"), ["data/b"]);
    local.is_denied("GET", &format!("/media?list-type=2&continuation-token={token}")).await;
    for target in ["/media?list-type=2&prefix=data/&prefix=", "/media?prefix=data/&start-after=zzz"] {
        let listed = local.get(target).await.elements("Key");
        assert!(listed.iter().all(|key| key.starts_with("data/")), "{listed:?}");
    }
}

#[tokio::test]
async fn a_delete_of_many_deletes_what_is_reached() {
    let mut local = start().await;
    local.signs_as_allowed(&below_data());
    let objects = ["data/a", "secret", "data/absent", "database"];
    let objects: String = objects.iter().map(|key| format!("<Object><Key>{key}</Key></Object>")).collect();
    let conditional = "<Object><Key>secret</Key><ETag>*</ETag></Object>";
    let body = format!("<Delete>{objects}{conditional}</Delete>");
    let answer = local.request("POST", "/media?delete").body(body.clone()).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.elements("Key"), ["data/a", "secret", "data/absent", "database", "secret"]);
    assert_eq!(answer.elements("Code"), ["AccessDenied"; 3]);
    let answer = local.request("POST", "/films?delete").body(body).send().await;
    assert_eq!(answer.error(), (403, "AccessDenied".to_owned()));
    local.signs_with_the_first_key();
    for (target, status) in [("/media/data/a", 404), ("/media/secret", 200), ("/media/database", 200)] {
        assert_eq!(local.get(target).await.status, status, "{target}");
    }
}

#[tokio::test]
async fn a_copy_needs_its_source_and_its_destination() {
    let mut local = start().await;
    local.signs_as_allowed(&below_data());
    let upload = local.request("POST", "/media/data/parts?uploads").send().await.element("UploadId");
    let part = format!("/media/data/parts?uploadId={upload}&partNumber=1");
    for target in ["/media/data/copy", part.as_str()] {
        for source in ["/media/data/a", "media/data/a", "media%2Fdata%2Fa", "/media/d%61ta/a"] {
            assert_eq!(local.copies(target, source).await.status, 200, "{source}");
        }
        for source in [
            "/media/secret",
            "media/secret",
            "media%2Fsecret",
            "/media/database",
            "/media//data/a",
            "/media/data%252Fa",
            "/films/data/a",
            // Nobody learns whether it is there.
            "/media/absent",
            "/absent/data/a",
        ] {
            is_denied(&local.copies(target, source).await, "PUT", source);
        }
    }
    is_denied(&local.copies("/media/secret", "/media/data/a").await, "PUT", "/media/secret");
    is_denied(&local.copies("/films/data/a", "/media/data/a").await, "PUT", "/films/data/a");
    is_denied(
        &local.copies("/media/secret?uploadId=x&partNumber=1", "/media/data/a").await,
        "PUT",
        "/media/secret",
    );
    // A presigned URL of an upload makes no copy.
    let url = local.presign("PUT", "/media/data/new", 60, SystemTime::now());
    let answer = local.send_unsigned("PUT", &url, &[("x-amz-copy-source", "/media/secret")]).await;
    assert_eq!(answer.error(), (403, "AccessDenied".to_owned()));
    // One of a copy does, and what it copies counts: SDKs move such headers into the query.
    for (source, status) in [("/media/data/a", 200), ("/media/secret", 403)] {
        let target = format!("/media/data/new?x-amz-copy-source={}", source.replace('/', "%2F"));
        let url = local.presign("PUT", &target, 60, SystemTime::now());
        assert_eq!(local.send_unsigned("PUT", &url, &[]).await.status, status, "{source}");
    }
    // Who only reads does not copy.
    local.signs_as_allowed(&TempCredentials::for_bucket("media"));
    is_denied(&local.copies("/media/data/copy", "/media/data/a").await, "PUT", "a copy by a reader");
}

#[tokio::test]
async fn an_upload_belongs_to_its_key() {
    let mut local = start().await;
    let upload = local.request("POST", "/media/secret?uploads").send().await.element("UploadId");
    local.signs_as_allowed(&below_data());
    for (method, more) in [("PUT", "&partNumber=1"), ("GET", ""), ("POST", ""), ("DELETE", "")] {
        local.is_denied(method, &format!("/media/secret?uploadId={upload}{more}")).await;
        let target = format!("/media/data/a?uploadId={upload}{more}");
        let body = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part>\
                    </CompleteMultipartUpload>";
        let answer = local.request(method, &target).body(body).send().await;
        assert_eq!(answer.error(), (404, "NoSuchUpload".to_owned()), "{method}");
    }
}

/// R2 tells keys apart by their NFC form.
#[tokio::test]
async fn keys_are_compared_in_their_normal_form() {
    let mut local = start().await;
    local.put("/media/caf%C3%A9/a", "a").await;
    local.signs_as_allowed(&TempCredentials::for_bucket("media").prefix("caf\u{e9}/").object("a="));
    local.is_allowed("GET", "/media/caf%C3%A9/a").await;
    local.is_allowed("GET", "/media/cafe%CC%81/a").await;
    local.is_allowed("GET", "/media?list-type=2&prefix=cafe%CC%81/").await;
    local.is_denied("GET", "/media/cafe/a").await;
    local.is_denied("GET", "/media/a%3D%CC%B8").await;
}

#[tokio::test]
async fn actions_are_all_that_is_done() {
    let mut local = start().await;
    let media = || TempCredentials::for_bucket("media").scope(AccessScope::ObjectReadWrite);
    let upload = local.request("POST", "/media/data/parts?uploads").send().await.element("UploadId");
    let requests = [
        (S3Action::HeadObject, "HEAD", "/media/data/a".to_owned()),
        (S3Action::GetObject, "GET", "/media/data/a".to_owned()),
        (S3Action::GetBucketLocation, "GET", "/media?location".to_owned()),
        (S3Action::ListObjectsV1, "GET", "/media".to_owned()),
        (S3Action::ListObjectsV2, "GET", "/media?list-type=2".to_owned()),
        (S3Action::ListMultipartUploads, "GET", "/media?uploads".to_owned()),
        (S3Action::ListParts, "GET", format!("/media/data/parts?uploadId={upload}")),
        (S3Action::PutObject, "PUT", "/media/data/new".to_owned()),
        (S3Action::DeleteObject, "DELETE", "/media/data/new".to_owned()),
        (S3Action::CreateMultipartUpload, "POST", "/media/data/new?uploads".to_owned()),
        (S3Action::UploadPart, "PUT", format!("/media/data/parts?uploadId={upload}&partNumber=1")),
    ];
    for (action, ..) in &requests {
        local.signs_as_allowed(&media().actions([*action]));
        for (other, method, target) in &requests {
            if action == other {
                local.is_allowed(method, target).await;
            } else {
                local.is_denied(method, target).await;
            }
        }
        is_denied(&local.copies("/media/data/copy", "/media/data/a").await, "PUT", "a copy");
        let delete = local.request("POST", "/media?delete").body("<Delete/>").send().await;
        is_denied(&delete, "POST", "a delete");
    }
    // An admin scope does not add what actions leave out.
    local.signs_as_allowed(&media().scope(AccessScope::AdminReadWrite).actions([S3Action::GetObject]));
    local.is_denied("GET", "/media?cors").await;
    local.is_denied("DELETE", "/media").await;
    local.signs_as_allowed(&media().actions([S3Action::AbortMultipartUpload]));
    local.is_denied("POST", &format!("/media/data/parts?uploadId={upload}")).await;
    local.signs_as_allowed(&media().actions([S3Action::CompleteMultipartUpload]));
    local.is_denied("DELETE", &format!("/media/data/parts?uploadId={upload}")).await;
    local.signs_as_allowed(&media().actions([S3Action::CopyObject]));
    assert_eq!(local.copies("/media/data/copy", "/media/data/a").await.status, 200);
}

#[tokio::test]
async fn tokens_that_do_not_hold_are_denied() {
    let mut local = start().await;
    let credentials = local.server.credentials().clone();
    let (id, secret) = (credentials.access_key_id(), credentials.secret_access_key());
    let at = |endpoint: String| R2SigningConfig::for_endpoint(endpoint, id, secret, "media");
    let request = TempCredentials::for_bucket("media");
    let here = format!("http://{}", local.host());
    let port = local.server.local_addr().port();
    for (config, is_allowed) in [
        (at(here.clone()).account_id(credentials.account_id()), true),
        // The same server by another name.
        (at(format!("http://localhost:{port}")).account_id(credentials.account_id()), true),
        (at(here.clone()).account_id("0".repeat(32)), false),
        (at("http://localhost:1".to_owned()).account_id(credentials.account_id()), false),
        (R2SigningConfig::new(credentials.account_id(), id, secret, "media"), false),
        (
            R2SigningConfig::for_endpoint(here.clone(), id, "0".repeat(64), "media")
                .account_id(credentials.account_id()),
            false,
        ),
    ] {
        let temporary = request.mint(&R2SigningClient::new(config).unwrap()).unwrap();
        local.signs_with(temporary.signing());
        if is_allowed {
            local.is_allowed("GET", "/media/data/a").await;
        } else {
            local.is_denied("GET", "/media/data/a").await;
        }
    }

    let temporary = request.mint(&local.parent()).unwrap();
    let token = temporary.session_token();
    let with_token = |secret: &str, token: &str| Credentials::new(id, secret).with_session_token(token);
    // The parent's secret does not sign for the token, and the token's not without it.
    local.signs_with(with_token(secret, token));
    assert_eq!(local.get("/media/data/a").await.error().1, "SignatureDoesNotMatch");
    local.signs_with(Credentials::new(id, temporary.secret_access_key()));
    assert_eq!(local.get("/media/data/a").await.error().1, "SignatureDoesNotMatch");
    for token in ["token", &token[1..], &token.replace('=', ""), &format!("{token}====")] {
        local.signs_with(with_token(temporary.secret_access_key(), token));
        if token != temporary.session_token() {
            local.is_denied("GET", "/media/data/a").await;
        }
    }
    // A key that is not there is said so.
    let unknown = Credentials::new("0".repeat(32), temporary.secret_access_key()).with_session_token(token);
    local.signs_with(unknown);
    assert_eq!(local.get("/media/data/a").await.error(), (401, "Unauthorized".to_owned()));
    // Nor does a token hold with another key of the server.
    let other = local.server.keys().add(AccessScope::AdminReadWrite, None).unwrap();
    let other =
        Credentials::new(other.access_key_id(), temporary.secret_access_key()).with_session_token(token);
    local.signs_with(other);
    local.is_denied("GET", "/media/data/a").await;
}

#[tokio::test]
async fn they_expire_and_their_urls_with_them() {
    let clock = ManualClock::at(SystemTime::now());
    let mut local = Local::of(Emulator::builder().with_runtime(clock.clone())).await;
    local.put("/media/a", "a").await;
    let request = TempCredentials::for_bucket("media").lifetime(Duration::from_secs(60));
    let parent = local.parent().with_runtime(clock.clone());
    local.signs_with(request.mint(&parent).unwrap().signing());
    let url = local.presign("GET", "/media/a", 3600, clock.now());
    clock.advance(Duration::from_secs(59));
    assert_eq!(local.send_unsigned("GET", &url, &[]).await.status, 200);
    assert_eq!(local.request("GET", "/media/a").signed_at(clock.now()).send().await.status, 200);
    clock.advance(Duration::from_secs(1));
    is_denied(&local.send_unsigned("GET", &url, &[]).await, "GET", "the URL");
    is_denied(&local.request("GET", "/media/a").signed_at(clock.now()).send().await, "GET", "/media/a");
}

#[tokio::test]
async fn a_key_does_what_its_scope_and_buckets_allow() {
    let mut local = start().await;
    let keys = local.server.keys().clone();
    let reads = ["GET /media/data/a", "HEAD /media", "GET /media?list-type=2", "GET /media?location"];
    let writes = ["PUT /media/new", "DELETE /media/new", "POST /media/new?uploads"];
    let configuration = ["GET /media?versioning", "GET /media?encryption", "GET /"];
    let administration = ["PUT /new-bucket", "DELETE /new-bucket"];
    for (scope, allowed) in [
        (AccessScope::ObjectReadOnly, [true, false, false, false]),
        (AccessScope::ObjectReadWrite, [true, true, false, false]),
        (AccessScope::AdminReadOnly, [true, false, true, false]),
        (AccessScope::AdminReadWrite, [true, true, true, true]),
    ] {
        local.signs_with(keys.add(scope, None).unwrap().signing());
        let groups = [&reads[..], &writes[..], &configuration[..], &administration[..]];
        for (requests, is_allowed) in groups.into_iter().zip(allowed) {
            for request in requests {
                let (method, target) = request.split_once(' ').unwrap();
                let answer = local.request(method, target).send().await;
                if is_allowed {
                    assert!((200..300).contains(&answer.status), "{scope} {request}: {}", answer.text());
                } else {
                    is_denied(&answer, method, target);
                }
            }
        }
        // A bucket is not made on the side.
        let put = local.request("PUT", "/made/a").header("cf-create-bucket-if-missing", "true");
        let status = if scope == AccessScope::AdminReadWrite { 200 } else { 403 };
        assert_eq!(put.send().await.status, status, "{scope}");
    }

    let films = keys.add(AccessScope::ObjectReadWrite, Some(vec!["films".to_owned()])).unwrap();
    local.signs_with(films.signing());
    local.is_allowed("PUT", "/films/new").await;
    local.is_denied("GET", "/media/data/a").await;
    local.is_denied("GET", "/").await;
    is_denied(&local.copies("/films/stolen", "/media/secret").await, "PUT", "/films/stolen");
    is_denied(&local.copies("/media/new", "/films/data/a").await, "PUT", "/media/new");

    // Temporary credentials do no more than their key, and end with it.
    let parent = |key: &Key, bucket: &str| {
        let endpoint = format!("http://{}", local.host());
        let (id, secret) = (key.access_key_id(), key.secret_access_key());
        let config = R2SigningConfig::for_endpoint(endpoint, id, secret, bucket);
        R2SigningClient::new(config.account_id(local.server.credentials().account_id())).unwrap()
    };
    let reader = keys.add(AccessScope::ObjectReadOnly, None).unwrap();
    let everything = |bucket: &str| TempCredentials::for_bucket(bucket).scope(AccessScope::AdminReadWrite);
    let of_films = everything("media").mint(&parent(&films, "films")).unwrap().signing();
    let of_reader = everything("media").mint(&parent(&reader, "media")).unwrap().signing();
    local.signs_with(of_films);
    local.is_denied("GET", "/media/data/a").await;
    local.signs_with(of_reader);
    local.is_allowed("GET", "/media/data/a").await;
    local.is_denied("PUT", "/media/data/a").await;
    local.is_denied("GET", "/media?cors").await;
    assert!(keys.remove(reader.access_key_id()).unwrap());
    assert_eq!(local.get("/media/data/a").await.error(), (401, "Unauthorized".to_owned()));
}

#[tokio::test]
async fn an_admin_scope_of_one_bucket_administers_that() {
    let mut local = start().await;
    let admin = TempCredentials::for_bucket("media").scope(AccessScope::AdminReadWrite);
    local.signs_as_allowed(&admin);
    local.is_allowed("GET", "/media?versioning").await;
    local.is_denied("GET", "/films?versioning").await;
    local.is_denied("GET", "/").await;
    local.is_denied("PUT", "/new-bucket").await;
    local.signs_as_allowed(&admin.prefix("data/"));
    local.is_denied("GET", "/media?versioning").await;
}

/// What the library does with them, in parts too.
#[tokio::test]
async fn a_client_is_made_of_them_in_one_call() {
    let local = start().await;
    let temporary = R2Service::new(local.bucket("media"))
        .with_signing(local.parent())
        .mint_temp_credentials(&below_data())
        .unwrap();
    let r2 = R2Service::new(S3Bucket::new(temporary.into()).unwrap());
    r2.put("data/hello", "hello").await.unwrap();
    assert_eq!(r2.get("data/hello").await.unwrap().unwrap().text().await.unwrap(), "hello");
    assert!(r2.head("data/absent").await.unwrap().is_none());
    assert!(r2.get("data/absent").await.unwrap().is_none());
    let upload = r2.create_multipart_upload("data/parts").await.unwrap();
    let part = upload.upload_part(1, vec![7; MIB]).await.unwrap();
    upload.complete([part]).await.unwrap();
    let outcomes = r2.delete_many(["data/hello", "secret"]).await.unwrap();
    let denied: Vec<_> = outcomes.failed().map(|(key, error)| (key, error.kind())).collect();
    assert_eq!(denied, [("secret", ErrorKind::Forbidden)]);
    let error = r2.get("secret").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Forbidden, Some("AccessDenied")));
    let error = r2.head("secret").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    let error = r2.list().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
}
