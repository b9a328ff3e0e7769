//! The client of those who hold none.

use std::future;
use std::sync::{Arc, Mutex, Weak};

use tokio::runtime::{Handle, Id};

use super::HyperClient;
use crate::error::Result;
use crate::sync::lock;

/// The client that is shared by all who ask for one within the same Tokio runtime.
///
/// Each runtime has its own, as one that has ended, or stands still, does not move the connections that were made in it.
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
    // A task keeps it for as long as the runtime lasts.
    let kept = Arc::clone(&client);
    runtime.spawn(async move {
        let _kept = kept;
        future::pending::<()>().await;
    });
    Ok(client)
}
