//! The contract suites through the S3 and REST clients.

use std::sync::Arc;

use testkit::{BUCKET, LocalServer};

mod r2 {
    use cloudflare_clients::r2::{ChecksumAlgorithm, R2Service};
    use contract::r2::{Fixture, Lacks};

    use super::{Arc, BUCKET, LocalServer};

    pub(super) async fn fixture_of(server: LocalServer, short_pages: bool) -> Fixture {
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
            short_pages,
            holds: Some(Arc::new(server)),
        }
    }

    async fn fixture() -> Fixture {
        fixture_of(LocalServer::start().await, false).await
    }

    contract::r2_tests!(fixture());
}

/// The same with R2's production behaviour: write limits per key, short pages and compressed answers.
mod r2_in_production {
    use std::time::Duration;

    use cloudflare_clients::RetryPolicy;
    use cloudflare_emulator::R2Behaviour;
    use contract::r2::Fixture;

    use super::LocalServer;
    use super::r2::fixture_of;

    async fn fixture() -> Fixture {
        // A tenth of R2's second, and of the locks' wait after a 429.
        let tenth = Duration::from_millis(100);
        let behaviour = R2Behaviour::as_in_production().write_interval(tenth);
        let mut fixture = fixture_of(LocalServer::with_r2_behaviour(behaviour).await, true).await;
        fixture.service = fixture.service.with_retry(RetryPolicy::default().rate_limit_delay(tenth));
        fixture
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
