//! A server over connections that the simulation makes.
//!
//! It is for this repository's simulation alone.
#![allow(missing_docs, reason = "it is no part of the interface")]

use std::io;

use cloudflare_clients::LocalStore;
use cloudflare_clients::simulation::Stream;
use tokio::sync::Mutex;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::eventual::Eventual;
use crate::server::{Accept, serve_all};
use crate::service::Service;
use crate::write_limit::WriteLimit;
use crate::{Credentials, KvBehaviour, R2Behaviour};

/// Serves a store over `connections`, until their sender is dropped and `shutdown` completes.
pub async fn serve(
    store: LocalStore,
    credentials: &Credentials,
    (r2, kv): (R2Behaviour, KvBehaviour),
    connections: UnboundedReceiver<Box<dyn Stream>>,
    shutdown: impl Future<Output = ()>,
) {
    let mut service = Service::new(store, credentials);
    service.eventual = Eventual::new(kv);
    service.writes = WriteLimit::new(r2.write_interval);
    service.r2_behaviour = r2;
    serve_all(Incoming(Mutex::new(connections)), service, None, shutdown).await;
}

struct Incoming(Mutex<UnboundedReceiver<Box<dyn Stream>>>);

impl Accept for Incoming {
    type Stream = Box<dyn Stream>;

    async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        match self.0.lock().await.recv().await {
            Some(stream) => Ok(stream),
            None => std::future::pending().await,
        }
    }
}
