//! The contract suite through the S3 client.

use std::sync::Arc;

use cloudflare_clients::r2::{ChecksumAlgorithm, R2Service};
use contract::r2::{Fixture, Lacks};

use crate::world::{BUCKET, Server};

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
