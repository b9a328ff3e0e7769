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
    use cloudflare_clients::kv::KvClient;
    use contract::Ahead;
    use contract::kv::{Fixture, Lacks};

    use super::{Arc, Server};

    async fn fixture() -> Fixture {
        let runtime = Ahead::default();
        let server = Server::with_runtime(Arc::new(runtime.clone())).await;
        let id = server.store.create_namespace("sessions").await.unwrap().id;
        let client =
            |id: &str| KvClient::new_with_runtime(Arc::new(server.namespace(id)), Arc::new(runtime.clone()));
        Fixture {
            client: client(&id),
            missing_namespace: Some(client(&"0".repeat(32))),
            lacks: Lacks { cache_ttl: true },
            simulated: false,
            clock: Some(runtime.clock()),
            holds: Some(Arc::new(server)),
        }
    }

    contract::kv_tests!(fixture());
}
