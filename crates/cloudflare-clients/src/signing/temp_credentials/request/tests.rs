use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::ErrorKind;
use crate::signing::{R2SigningConfig, S3Action};

const ACCOUNT_ID: &str = "0123456789abcdef0123456789abcdef";
const ACCESS_KEY_ID: &str = "fedcba9876543210fedcba9876543210";

fn parent() -> R2SigningClient {
    let config = R2SigningConfig::new(ACCOUNT_ID, ACCESS_KEY_ID, "ab".repeat(32), "media");
    at_the_time(config)
}

fn at_the_time(config: R2SigningConfig) -> R2SigningClient {
    R2SigningClient::new(config).unwrap().at(UNIX_EPOCH + Duration::from_secs(1_800_000_000))
}

/// Computed from Cloudflare's description, not observed from R2.
#[test]
fn the_form_is_that_of_the_description() {
    let temporary = TempCredentials::for_bucket("media")
        .scope(AccessScope::ObjectReadOnly)
        .actions([S3Action::GetObject, S3Action::HeadObject])
        .prefix("data/")
        .lifetime(Duration::from_secs(15 * 60))
        .mint(&parent())
        .unwrap();
    let token = STANDARD.decode(temporary.session_token()).unwrap();
    let token = String::from_utf8(token).unwrap();
    let jwt = token.strip_prefix("jwt/").unwrap();
    let parts: Vec<_> = jwt.split('.').collect();
    let decoded = |part: &str| {
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    assert_eq!(decoded(parts[0]), r#"{"alg":"HS256","typ":"JWT"}"#);
    assert_eq!(
        decoded(parts[1]),
        concat!(
            r#"{"bucket":"media","scope":"object-read-only","actions":["GetObject","HeadObject"],"#,
            r#""paths":{"prefixPaths":["data/"],"objectPaths":[]},"sub":"0123456789abcdef0123456789abcdef","#,
            r#""iss":"fedcba9876543210fedcba9876543210","#,
            r#""aud":"0123456789abcdef0123456789abcdef.r2.cloudflarestorage.com","#,
            r#""iat":1800000000,"exp":1800000900}"#
        )
    );
    assert_eq!(parts[2], "DnkNJPUM7YHwimyWtlZvCtY1lLwuXlvhLH5KmgRl3Fk");
    assert_eq!(
        temporary.secret_access_key(),
        "194468a7cb3e574b1ad4be9b661a474264de0594c4fe235b4001631fe595b9c3"
    );
    assert_eq!(temporary.access_key_id(), ACCESS_KEY_ID);
    assert_eq!(temporary.expires_at(), UNIX_EPOCH + Duration::from_secs(1_800_000_900));
}

#[test]
fn what_cannot_be_allowed_is_named_with_what_to_do() {
    let media = || TempCredentials::for_bucket("media");
    for (request, says) in [
        (TempCredentials::for_bucket("Media"), "\"Media\" is not a bucket name"),
        (media().lifetime(Duration::ZERO), "use 1 to 604,800 whole seconds (7 days)"),
        (media().lifetime(Duration::from_millis(1500)), "use 1 to 604,800 whole seconds"),
        (media().lifetime(Duration::from_secs(604_801)), "use 1 to 604,800 whole seconds"),
        (media().prefix(""), "omit the prefix to allow the whole bucket"),
        (media().prefix("creator-1"), "use \"creator-1/\""),
        (media().prefix("creator-1/*"), "use \"creator-1/\""),
        (media().prefix(format!("{}/", "a".repeat(1024))), "a key has 1 to 1,024 bytes"),
        (media().object(""), "the key of an allowed object is empty"),
        (media().object("a".repeat(1025)), "a key has 1 to 1,024 bytes"),
        (media().actions([]), "omit the list to allow all actions of the scope"),
        (
            media().actions([S3Action::GetObject, S3Action::PutObject]),
            "the scope object-read-only does not allow the action PutObject: omit it, or use the scope object-read-write",
        ),
        (
            media().scope(AccessScope::AdminReadOnly).actions([S3Action::CopyObject]),
            "use the scope admin-read-write",
        ),
    ] {
        let error = request.mint(&parent()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains(says), "{error}");
    }
    for lifetime in [1, 604_800] {
        media().lifetime(Duration::from_secs(lifetime)).mint(&parent()).unwrap();
    }
}

#[test]
fn the_parent_is_a_permanent_key_of_a_known_account() {
    let request = TempCredentials::for_bucket("media");
    let temporary = request.mint(&parent()).unwrap();
    let error = request.mint(&at_the_time(temporary.into())).unwrap_err();
    assert!(error.message().contains("cannot create others: use the permanent key"), "{error}");

    let elsewhere = R2SigningConfig::for_endpoint("http://127.0.0.1:9710", ACCESS_KEY_ID, "secret", "media");
    let error = request.mint(&at_the_time(elsewhere.clone())).unwrap_err();
    assert!(error.message().contains("R2SigningConfig::account_id"), "{error}");
    request.mint(&at_the_time(elsewhere.account_id(ACCOUNT_ID))).unwrap();

    let vars = [
        ("R2_ENDPOINT", "http://127.0.0.1:9710"),
        ("R2_ACCOUNT_ID", ACCOUNT_ID),
        ("R2_ACCESS_KEY_ID", ACCESS_KEY_ID),
        ("R2_SECRET_ACCESS_KEY", "secret"),
        ("R2_BUCKET_MEDIA", "media"),
    ];
    let config =
        R2SigningConfig::from_vars(|name| vars.iter().find(|(var, _)| *var == name).map(|(_, value)| *value));
    request.mint(&at_the_time(config.unwrap())).unwrap();
}

/// Temporary credentials have the endpoint of their parent.
#[test]
fn a_client_of_them_is_one_call_away() {
    let url = "https://0123456789abcdef0123456789abcdef.eu.r2.cloudflarestorage.com/media";
    let parent = R2SigningConfig::for_endpoint(url, ACCESS_KEY_ID, "secret", "media");
    let temporary = TempCredentials::for_bucket("films").mint(&at_the_time(parent)).unwrap();
    let debug = format!("{temporary:?}");
    assert!(!debug.contains(temporary.secret_access_key()) && !debug.contains(temporary.session_token()));
    let token = temporary.session_token().to_owned();
    let client = at_the_time(temporary.into());
    let url = client.generate_signed_url("a", Duration::from_secs(60)).unwrap();
    let start = "https://films.0123456789abcdef0123456789abcdef.eu.r2.cloudflarestorage.com/a?";
    assert!(url.as_str().starts_with(start), "{}", url.as_str());
    let mut encoded = String::new();
    crate::sigv4::encode(&token, &mut encoded);
    assert!(url.as_str().contains(&format!("X-Amz-Security-Token={encoded}")));
}
