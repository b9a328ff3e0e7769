//! A client for callers that do not hold one.

use std::future;
use std::sync::{Arc, Mutex, Weak};

use tokio::runtime::{Handle, Id};

use super::HyperClient;
use crate::error::Result;
use crate::sync::lock;

/// Returns the client that is shared by all callers in the same Tokio runtime.
///
/// Each runtime has its own, because a runtime that has ended or does not run drives none of its connections.
pub(crate) fn shared_client() -> Result<Arc<HyperClient>> {
    static CLIENTS: Mutex<Vec<(Id, Weak<HyperClient>)>> = Mutex::new(Vec::new());

    let Ok(runtime) = Handle::try_current() else {
        return Ok(Arc::new(HyperClient::new()?));
    };
    let mut clients = lock(&CLIENTS);
    clients.retain(|(_, client)| client.strong_count() > 0);
    let known = clients.iter().find(|(of, _)| *of == runtime.id());
    if let Some(client) = known.and_then(|(_, client)| client.upgrade()) {
        return Ok(client);
    }
    let client = Arc::new(HyperClient::new()?);
    clients.push((runtime.id(), Arc::downgrade(&client)));
    // A task keeps the client for as long as the runtime lives.
    let kept = Arc::clone(&client);
    runtime.spawn(async move {
        let _kept = kept;
        future::pending::<()>().await;
    });
    Ok(client)
}
