//! The contract suite on the embedded store.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use cloudflare_clients::LocalStore;
use cloudflare_clients::r2::R2Service;
use contract::r2::{Fixture, Lacks};

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
