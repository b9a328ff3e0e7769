//! The contract suites through the clients of S3 and REST.

use std::sync::Arc;

use testkit::{BUCKET, LocalServer};

mod r2 {
    use cloudflare_clients::r2::{ChecksumAlgorithm, R2Service};
    use contract::r2::{Fixture, Lacks};

    use super::{Arc, BUCKET, LocalServer};

    async fn fixture() -> Fixture {
        let server = LocalServer::start().await;
        server.store.create_bucket("other").await.unwrap();
        Fixture {
            service: R2Service::new(server.bucket(BUCKET)),
            missing_bucket: Some(R2Service::new(server.bucket("missing"))),
            other: Some(R2Service::new(server.bucket("other"))),
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
    use cloudflare_clients::kv::KvClient;
    use contract::kv::{Clock, Fixture, Lacks};
    use testkit::RunningClock;

    use super::{Arc, LocalServer};

    async fn fixture() -> Fixture {
        let runtime = RunningClock::new();
        let server = LocalServer::with_runtime(runtime.clone()).await;
        let id = server.store.create_namespace("sessions").await.unwrap().id;
        let client = |id: &str| KvClient::new(server.namespace(id)).with_runtime(runtime.clone());
        Fixture {
            client: client(&id),
            missing_namespace: Some(client(&"0".repeat(32))),
            lacks: Lacks { cache_ttl: true, ..Lacks::default() },
            simulated: false,
            clock: Some(Clock::new(move |duration| runtime.advance(duration))),
            holds: Some(Arc::new(server)),
        }
    }

    contract::kv_tests!(fixture());
}
