//! The lifecycle policy of a bucket.

use std::time::{Duration, SystemTime};

use cloudflare_clients::ErrorKind;
use cloudflare_clients::r2::{LifecyclePolicy, LifecycleRule};

use super::Fixture;

fn days(days: u64) -> Duration {
    Duration::from_secs(24 * days * 3600)
}

pub(crate) async fn rules_are_kept_until_they_are_removed(Fixture { service, lacks, .. }: Fixture) {
    // 2100-01-01.
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(4_102_444_800);
    let policy = LifecyclePolicy::new([
        LifecycleRule::new("logs & \"more\"").prefix("löge/").delete_objects(days(7)),
        LifecycleRule::new("date").prefix("b/").delete_objects(date),
        LifecycleRule::new("cold").move_to_infrequent_access(days(30)).disabled(),
        LifecycleRule::new("uploads").abort_uploads(days(1)),
    ]);
    if lacks.lifecycle {
        let errors = [
            service.lifecycle().await.map(drop).unwrap_err(),
            service.set_lifecycle(policy).await.unwrap_err(),
            service.delete_lifecycle().await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::Unsupported, 1), "{error}");
        }
        return;
    }
    assert_eq!(service.lifecycle().await.unwrap(), Some(LifecyclePolicy::of_new_bucket()));
    service.set_lifecycle(policy.clone()).await.unwrap();
    assert_eq!(service.lifecycle().await.unwrap(), Some(policy));
    let other = LifecyclePolicy::new([LifecycleRule::new("other").delete_objects(days(365))]);
    service.set_lifecycle(other.clone()).await.unwrap();
    assert_eq!(service.lifecycle().await.unwrap(), Some(other.clone()));

    let nothing = service.set_lifecycle(LifecyclePolicy::default()).await.unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::InvalidInput, "{nothing}");
    assert_eq!(service.lifecycle().await.unwrap(), Some(other));
    for _ in 0..2 {
        service.delete_lifecycle().await.unwrap();
        assert_eq!(service.lifecycle().await.unwrap(), None);
    }
}

pub(crate) async fn rules_of_a_missing_bucket(Fixture { missing_bucket, lacks, .. }: Fixture) {
    let Some(service) = missing_bucket.filter(|_| !lacks.lifecycle) else {
        return;
    };
    let policy = LifecyclePolicy::new([LifecycleRule::new("week").delete_objects(days(7))]);
    for error in [
        service.lifecycle().await.map(drop).unwrap_err(),
        service.set_lifecycle(policy).await.unwrap_err(),
        service.delete_lifecycle().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NoSuchBucket, "{error}");
    }
}
