//! The contract suites on the embedded store.

use std::sync::Arc;

use cloudflare_clients::LocalStore;

mod r2 {
    use cloudflare_clients::r2::R2Service;
    use contract::r2::{Fixture, Lacks};

    use super::{Arc, LocalStore};

    async fn fixture() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path()).await.unwrap();
        store.create_bucket("media").await.unwrap();
        store.create_bucket("other").await.unwrap();
        Fixture {
            service: R2Service::new(store.bucket("media").unwrap()),
            missing_bucket: Some(R2Service::new(store.bucket("missing").unwrap())),
            other: Some(R2Service::new(store.bucket("other").unwrap())),
            lacks: Lacks::default(),
            simulated: false,
            short_pages: false,
            holds: Some(Arc::new(folder)),
        }
    }

    contract::r2_tests!(fixture());
}

mod kv {
    use cloudflare_clients::kv::KvClient;
    use contract::kv::{Clock, Fixture, Lacks};
    use testkit::RunningClock;

    use super::{Arc, LocalStore};

    async fn fixture() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let runtime = RunningClock::new();
        let store = LocalStore::open_with_runtime(folder.path(), runtime.clone()).await.unwrap();
        let id = store.create_namespace("sessions").await.unwrap().id;
        let client = |id| KvClient::new(store.namespace(id));
        Fixture {
            client: client(id),
            missing_namespace: Some(client("0".repeat(32))),
            lacks: Lacks::default(),
            simulated: false,
            clock: Some(Clock::new(move |duration| runtime.advance(duration))),
            holds: Some(Arc::new(folder)),
        }
    }

    contract::kv_tests!(fixture());
}
