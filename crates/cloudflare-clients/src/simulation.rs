//! The simulation's replacements for the machine's disk, threads and network, and the code mutations that it
//! must find.
//!
//! It is only for this repository's simulation.
#![allow(missing_docs, reason = "each trait is described where the library uses it")]

use std::path::Path;
use std::sync::Arc;

use crate::HyperClient;
pub use crate::backend::{Dial, Stream};
use crate::error::Result;
pub use crate::mutation::{Mutation, mutate};
use crate::runtime::Runtime;
pub use crate::runtime::run_blocking_here;
use crate::store::LocalStore;
pub use crate::store::{Disk, DiskFile, Open, Platform, Threads, Worker};

/// Opens a store on a simulated machine.
///
/// # Errors
/// The errors of [`LocalStore::open`].
pub async fn open_store(folder: &Path, platform: Platform) -> Result<LocalStore> {
    LocalStore::open_on(folder, platform).await
}

/// Creates a client over connections that `dial` opens. Its timeouts use `runtime`.
pub fn http_client(dial: Arc<dyn Dial>, runtime: Arc<dyn Runtime>) -> HyperClient {
    HyperClient::over(dial).with_runtime(runtime)
}
