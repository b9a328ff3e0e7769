//! The contract suites on the embedded store.
#![allow(clippy::unwrap_used)]

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
        Fixture {
            service: R2Service::new(store.bucket("media").unwrap()),
            missing_bucket: Some(R2Service::new(store.bucket("missing").unwrap())),
            lacks: Lacks::default(),
            simulated: false,
            holds: Some(Arc::new(folder)),
        }
    }

    contract::r2_tests!(fixture());
}

mod kv {
    use std::sync::Mutex;
    use std::time::{Duration, SystemTime};

    use cloudflare_clients::kv::KvClient;
    use cloudflare_clients::{Runtime, TokioRuntime};
    use contract::kv::{Clock, Fixture, Lacks};
    use futures_util::future::BoxFuture;

    use super::{Arc, LocalStore};

    /// Tokio's, but ahead of its time.
    #[derive(Debug, Default)]
    struct Ahead(Mutex<Duration>);

    impl Runtime for Ahead {
        fn now(&self) -> SystemTime {
            TokioRuntime.now() + *self.0.lock().unwrap()
        }

        fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
            TokioRuntime.sleep(duration)
        }

        fn random(&self) -> f64 {
            TokioRuntime.random()
        }
    }

    async fn fixture() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let runtime = Arc::new(Ahead::default());
        let store = LocalStore::open_with_runtime(folder.path(), runtime.clone()).await.unwrap();
        let id = store.create_namespace("sessions").await.unwrap().id;
        let shared: Arc<dyn Runtime> = runtime.clone();
        let client = |id| KvClient::new_with_runtime(Arc::new(store.namespace(id)), Arc::clone(&shared));
        Fixture {
            client: client(id),
            missing_namespace: Some(client("0".repeat(32))),
            lacks: Lacks::default(),
            simulated: false,
            clock: Some(Clock(Arc::new(move |duration| *runtime.0.lock().unwrap() += duration))),
            holds: Some(Arc::new(folder)),
        }
    }

    contract::kv_tests!(fixture());
}
