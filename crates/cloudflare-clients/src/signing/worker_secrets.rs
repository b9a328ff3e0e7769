//! Signing with the secrets of a Worker.

use std::sync::OnceLock;

use worker::Env;

use super::signing_client::R2SigningClient;
use super::signing_config::R2SigningConfig;
use crate::env::{R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY};
use crate::error::{ErrorKind, Result};
use crate::js;

impl R2SigningClient {
    /// Creates a client from the secrets and variables of a Worker: see [`R2SigningConfig::from_vars`] for
    /// their names.
    ///
    /// # Errors
    /// A single [`ErrorKind::InvalidInput`](crate::ErrorKind) names every missing or malformed variable.
    pub fn from_worker_env(env: &Env) -> Result<Self> {
        Self::new(R2SigningConfig::from_vars(|name| variable(env, name))?)
    }
}

/// The client from a Worker's secrets, created when something is first signed. Requests that sign nothing do
/// not pay for it, and a Worker that never signs does not contain its code.
#[derive(Clone)]
pub(crate) struct WorkerSecrets {
    env: Env,
    client: OnceLock<R2SigningClient>,
}

impl WorkerSecrets {
    pub(crate) fn new(env: Env) -> Self {
        Self { env, client: OnceLock::new() }
    }

    /// `None` if the Worker has neither part of a key.
    pub(crate) fn client(&self) -> Result<Option<R2SigningClient>> {
        if let Some(client) = self.client.get() {
            return Ok(Some(client.clone()));
        }
        if [R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY].iter().all(|name| variable(&self.env, name).is_none()) {
            return Ok(None);
        }
        // The request that needs a URL is not at fault.
        let client = R2SigningClient::from_worker_env(&self.env)
            .map_err(|error| error.with_kind(ErrorKind::MissingSigningConfig))?;
        Ok(Some(self.client.get_or_init(|| client).clone()))
    }
}

fn variable(env: &Env, name: &str) -> Option<String> {
    js::text(env.as_ref(), name).filter(|value| !value.trim().is_empty())
}
