//! A server over connections of the simulation.
//!
//! Only for the simulation of this repository.
#![allow(missing_docs, reason = "it is not part of the public interface")]

use std::io;

use cloudflare_clients::LocalStore;
use cloudflare_clients::simulation::Stream;
use tokio::sync::Mutex;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::server::{Accept, serve_all};
use crate::service::Service;
use crate::{Credentials, KvBehaviour, R2Behaviour};

/// Serves a store over `connections` while it is polled.
pub async fn serve(
    store: LocalStore,
    credentials: &Credentials,
    (r2, kv): (R2Behaviour, KvBehaviour),
    connections: UnboundedReceiver<Box<dyn Stream>>,
) {
    let mut service = Service::new(store, credentials);
    service.set_kv_behaviour(kv);
    service.set_r2_behaviour(r2);
    serve_all(Incoming(Mutex::new(connections)), service, None, std::future::pending()).await;
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
