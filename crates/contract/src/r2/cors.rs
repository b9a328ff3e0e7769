//! The CORS policy of a bucket.

use cloudflare_clients::ErrorKind;
use cloudflare_clients::http::Method;
use cloudflare_clients::r2::{CorsPolicy, CorsRule};

use super::Fixture;

pub(crate) async fn a_policy_is_kept_until_it_is_removed(Fixture { service, lacks, .. }: Fixture) {
    let mut uploads =
        CorsRule::new(["https://app.example.com", "http://localhost:5173"], [Method::GET, Method::PUT])
            .allow_headers(["content-type", "x-amz-meta-*"])
            .expose_headers(["etag"])
            .max_age_seconds(3600);
    uploads.id = Some("uploads & \"more\"".to_owned());
    let policy = CorsPolicy::new([uploads, CorsRule::new(["*"], [Method::HEAD])]);
    if lacks.cors {
        let errors = [
            service.cors().await.map(drop).unwrap_err(),
            service.set_cors(policy).await.unwrap_err(),
            service.delete_cors().await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::Unsupported, 1), "{error}");
        }
        return;
    }
    assert_eq!(service.cors().await.unwrap(), None);
    service.set_cors(policy.clone()).await.unwrap();
    assert_eq!(service.cors().await.unwrap(), Some(policy));
    let other = CorsPolicy::new([CorsRule::new(["https://b.example"], [Method::DELETE])]);
    service.set_cors(other.clone()).await.unwrap();
    assert_eq!(service.cors().await.unwrap(), Some(other.clone()));

    let nothing = service.set_cors(CorsPolicy::default()).await.unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::InvalidInput, "{nothing}");
    assert_eq!(service.cors().await.unwrap(), Some(other));
    for _ in 0..2 {
        service.delete_cors().await.unwrap();
        assert_eq!(service.cors().await.unwrap(), None);
    }
}

pub(crate) async fn a_policy_of_a_missing_bucket(Fixture { missing_bucket, lacks, .. }: Fixture) {
    let Some(service) = missing_bucket.filter(|_| !lacks.cors) else {
        return;
    };
    let policy = CorsPolicy::new([CorsRule::new(["*"], [Method::GET])]);
    for error in [
        service.cors().await.map(drop).unwrap_err(),
        service.set_cors(policy).await.unwrap_err(),
        service.delete_cors().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NoSuchBucket, "{error}");
    }
}
