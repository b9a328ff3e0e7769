use super::super::AccessScope;
use super::super::claims::{Paths, session_token_of};
use super::*;

const ACCOUNT_ID: &str = "0123456789abcdef0123456789abcdef";
const ACCESS_KEY_ID: &str = "fedcba9876543210fedcba9876543210";
const HOST: &str = "127.0.0.1:9710";
const NOW: u64 = 1_800_000_000;

fn claims() -> Claims {
    Claims {
        bucket: "media".to_owned(),
        scope: Some(AccessScope::ObjectReadOnly),
        actions: None,
        paths: None,
        sub: ACCOUNT_ID.to_owned(),
        iss: ACCESS_KEY_ID.to_owned(),
        aud: HOST.to_owned(),
        iat: NOW,
        exp: NOW + 900,
    }
}

fn verify_text(token: &str, host: &str) -> Result<SessionToken, InvalidSessionToken> {
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    SessionToken::verify(token, &Credentials::new(ACCESS_KEY_ID, "secret"), ACCOUNT_ID, host, now)
}

fn verify(claims: &Claims) -> Result<SessionToken, InvalidSessionToken> {
    verify_text(&session_token_of(&claims.sign("secret").unwrap()), HOST)
}

type Change = fn(&mut Claims);

#[test]
fn each_claim_is_compared() {
    verify(&claims()).unwrap();
    let cases: [(Change, InvalidSessionToken); 10] = [
        (|claims| claims.iss = "0".repeat(32), InvalidSessionToken::Issuer),
        (|claims| claims.sub = "0".repeat(32), InvalidSessionToken::Subject),
        (|claims| claims.aud = "127.0.0.1:9711".to_owned(), InvalidSessionToken::Audience),
        (
            |claims| claims.aud = format!("{ACCOUNT_ID}.r2.cloudflarestorage.com"),
            InvalidSessionToken::Audience,
        ),
        (|claims| claims.exp = NOW, InvalidSessionToken::Expired),
        (|claims| claims.iat = NOW + 901, InvalidSessionToken::NotYet),
        (|claims| claims.exp = claims.iat + 604_801, InvalidSessionToken::Lifetime),
        (
            |claims| {
                claims.iat = NOW + 60;
                claims.exp = NOW + 60;
            },
            InvalidSessionToken::Lifetime,
        ),
        (|claims| claims.scope = None, InvalidSessionToken::NothingAllowed),
        (|claims| claims.exp = u64::MAX, InvalidSessionToken::Lifetime),
    ];
    for (change, fault) in cases {
        let mut claims = claims();
        change(&mut claims);
        assert_eq!(verify(&claims).unwrap_err(), fault);
    }
}

#[test]
fn an_endpoint_has_several_names() {
    let token = |aud: &str| {
        let claims = Claims { aud: aud.to_owned(), ..claims() };
        session_token_of(&claims.sign("secret").unwrap())
    };
    for (aud, host) in [
        ("localhost:9710", "127.0.0.1:9710"),
        ("127.0.0.1:9710", "[::1]:9710"),
        ("localhost", "localhost:9710"),
        ("localhost:9710", "media.localhost:9710"),
        ("r2.example.com", "media.r2.example.com"),
        ("r2.example.com", "R2.example.com"),
    ] {
        verify_text(&token(aud), host).unwrap();
    }
    for (aud, host) in [
        ("localhost:9710", "localhost:9711"),
        ("localhost:9710", "localhost"),
        ("localhost:9710", "films.localhost:9710"),
        ("r2.example.com", "r2.example.org"),
        ("r2.example.com", "mediar2.example.com"),
        ("", "r2.example.com"),
    ] {
        assert_eq!(
            verify_text(&token(aud), host).unwrap_err(),
            InvalidSessionToken::Audience,
            "{aud} {host}"
        );
    }
}

#[test]
fn what_is_no_token_of_this_key_is_refused() {
    let jwt = claims().sign("secret").unwrap();
    let parts: Vec<_> = jwt.split('.').collect();
    let signed_with = |secret: &str, header: &str, claims: &str| {
        let signed = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
        let signature = mac(secret, &signed).finalize().into_bytes();
        session_token_of(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    };
    let body = serde_json::to_string(&claims()).unwrap();
    let hs256 = r#"{"alg":"HS256"}"#;
    verify_text(&signed_with("secret", hs256, &body), HOST).unwrap();
    for (token, fault) in [
        (jwt.clone(), InvalidSessionToken::Malformed),
        (session_token_of("a.b"), InvalidSessionToken::Malformed),
        (session_token_of("a.b.c"), InvalidSessionToken::Malformed),
        (signed_with("other", hs256, &body), InvalidSessionToken::Signature),
        // The key is the secret's hex characters, not the bytes that they encode.
        (signed_with("se", hs256, &body), InvalidSessionToken::Signature),
        (session_token_of(&format!("{}.{}.", parts[0], parts[1])), InvalidSessionToken::Signature),
        (session_token_of(&format!("{}.{}.{}", parts[0], parts[1], "AAAA")), InvalidSessionToken::Signature),
        (signed_with("secret", r#"{"alg":"none"}"#, &body), InvalidSessionToken::Algorithm),
        (signed_with("secret", r#"{"alg":"HS256","crit":["b64"]}"#, &body), InvalidSessionToken::Algorithm),
        (signed_with("secret", "{}", &body), InvalidSessionToken::Malformed),
        (signed_with("secret", hs256, "{}"), InvalidSessionToken::Malformed),
        (
            signed_with("secret", hs256, &body.replace("object-read-only", "everything")),
            InvalidSessionToken::Malformed,
        ),
        (
            signed_with("secret", hs256, &body.replace("\"sub\"", "\"bucket\":\"other\",\"sub\"")),
            InvalidSessionToken::Malformed,
        ),
    ] {
        assert_eq!(verify_text(&token, HOST).unwrap_err(), fault, "{}", token.as_str());
    }
}

fn allowing(prefixes: &[&str], objects: &[&str]) -> SessionToken {
    let owned = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
    let paths = Paths { prefix_paths: owned(prefixes), object_paths: owned(objects) };
    verify(&Claims { paths: Some(paths), ..claims() }).unwrap()
}

#[test]
fn paths_are_compared_as_r2_compares_keys() {
    let token = allowing(&["data/", "a="], &["one.txt", "caf\u{e9}"]);
    for key in ["data/", "data/a", "data/a/../../b", "one.txt", "caf\u{e9}", "cafe\u{301}", "a=b"] {
        assert!(token.allows_key(key), "{key}");
    }
    for key in [
        "",
        "data",
        "database/a",
        "Data/a",
        "/data/a",
        "one.txt2",
        "one.tx",
        "cafe",
        // A character that only looks like an equals sign: `\u{2260}`.
        "a=\u{338}",
    ] {
        assert!(!token.allows_key(key), "{key}");
    }
    assert!(token.allows_listing("data/") && token.allows_listing("data/a"));
    for prefix in ["", "d", "data", "one.txt", "caf\u{e9}"] {
        assert!(!token.allows_listing(prefix), "{prefix}");
    }
    let nothing = allowing(&[], &[]);
    assert!(!nothing.allows_key("a") && !nothing.allows_listing(""));
}

#[test]
fn actions_and_scope_both_have_to_allow() {
    let of = |scope, actions: Option<&[S3Action]>| {
        let actions = actions.map(<[_]>::to_vec);
        verify(&Claims { scope, actions, ..claims() }).unwrap()
    };
    let reads = of(Some(AccessScope::ObjectReadOnly), None);
    assert!(reads.allows_action(S3Action::ListParts) && !reads.allows_action(S3Action::UploadPart));
    assert!(!reads.allows_administration(false));
    // No honest client creates such a token.
    let both = of(Some(AccessScope::ObjectReadOnly), Some(&[S3Action::PutObject]));
    assert!(!both.allows_action(S3Action::PutObject) && !both.allows_action(S3Action::GetObject));
    let actions_only = of(None, Some(&[S3Action::PutObject]));
    assert!(actions_only.allows_action(S3Action::PutObject));
    assert!(!actions_only.allows_action(S3Action::GetObject) && !actions_only.allows_administration(false));
    let admin = of(Some(AccessScope::AdminReadOnly), None);
    assert!(admin.allows_administration(false) && !admin.allows_administration(true));
    let limited = of(Some(AccessScope::AdminReadWrite), Some(&[S3Action::GetObject]));
    assert!(!limited.allows_administration(false));
    let paths = Some(Paths { prefix_paths: vec!["a/".to_owned()], object_paths: Vec::new() });
    let below = verify(&Claims { scope: Some(AccessScope::AdminReadWrite), paths, ..claims() }).unwrap();
    assert!(!below.allows_administration(false));
}
