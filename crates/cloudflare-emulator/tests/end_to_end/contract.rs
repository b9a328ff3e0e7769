//! The contract suites through the clients of S3 and REST.

use std::sync::Arc;

use crate::world::{BUCKET, Server};

mod r2 {
    use cloudflare_clients::r2::{ChecksumAlgorithm, R2Service};
    use contract::r2::{Fixture, Lacks};

    use super::{Arc, BUCKET, Server};

    async fn fixture() -> Fixture {
        let server = Server::start().await;
        Fixture {
            service: R2Service::new(server.bucket(BUCKET)),
            missing_bucket: Some(R2Service::new(server.bucket("missing"))),
            lacks: Lacks {
                checksums: vec![ChecksumAlgorithm::Sha384, ChecksumAlgorithm::Sha512],
                ..Lacks::default()
            },
            simulated: false,
            holds: Some(Arc::new(server)),
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

    use super::{Arc, Server};

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
        let runtime = Arc::new(Ahead::default());
        let server = Server::with_runtime(runtime.clone()).await;
        let id = server.store.create_namespace("sessions").await.unwrap().id;
        let shared: Arc<dyn Runtime> = runtime.clone();
        let client =
            |id: &str| KvClient::new_with_runtime(Arc::new(server.namespace(id)), Arc::clone(&shared));
        Fixture {
            client: client(&id),
            missing_namespace: Some(client(&"0".repeat(32))),
            lacks: Lacks { cache_ttl: true },
            simulated: false,
            clock: Some(Clock(Arc::new(move |duration| *runtime.0.lock().unwrap() += duration))),
            holds: Some(Arc::new(server)),
        }
    }

    contract::kv_tests!(fixture());
}
