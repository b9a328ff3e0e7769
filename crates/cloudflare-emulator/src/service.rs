//! State that every request needs.

use std::fmt;

use cloudflare_clients::r2::AccessScope;
use cloudflare_clients::{LocalStore, sigv4};

use crate::api_token::ApiToken;
use crate::chunking_clients::ChunkingClients;
use crate::cors::Cors;
use crate::eventual::Eventual;
use crate::memory::Memory;
use crate::pace::Pressure;
use crate::virtual_hosts::VirtualHosts;
use crate::write_limit::WriteLimit;
use crate::{Credentials, Faults, Keys, KvBehaviour, Limits, Metrics, R2Behaviour};

/// The store to serve, and its settings.
pub(crate) struct Service {
    pub(crate) store: LocalStore,
    pub(crate) account_id: String,
    pub(crate) virtual_hosts: VirtualHosts,
    pub(crate) faults: Faults,
    /// The access key with all permissions.
    signing: sigv4::Credentials,
    pub(crate) keys: Option<Keys>,
    pub(crate) api_token: ApiToken,
    pub(crate) eventual: Eventual,
    pub(crate) r2_behaviour: R2Behaviour,
    /// Write limit of objects.
    pub(crate) writes: WriteLimit,
    pub(crate) chunking_clients: ChunkingClients,
    pub(crate) cors: Cors,
    pub(crate) limits: Limits,
    pub(crate) memory: Memory,
    pub(crate) pressure: Pressure,
    pub(crate) metrics: Option<Metrics>,
}

impl Service {
    pub(crate) fn new(store: LocalStore, credentials: &Credentials) -> Self {
        Self {
            store,
            signing: credentials.signing(),
            keys: None,
            api_token: ApiToken::new(&credentials.api_token()),
            account_id: credentials.account_id().to_owned(),
            virtual_hosts: VirtualHosts::default(),
            faults: Faults::default(),
            eventual: Eventual::new(KvBehaviour::default()),
            r2_behaviour: R2Behaviour::default(),
            writes: WriteLimit::new(None),
            chunking_clients: ChunkingClients::default(),
            cors: Cors::default(),
            limits: Limits::default(),
            memory: Memory::new(Limits::default().memory),
            pressure: Pressure::default(),
            metrics: None,
        }
    }

    pub(crate) fn set_kv_behaviour(&mut self, behaviour: KvBehaviour) {
        self.eventual = Eventual::new(behaviour);
    }

    pub(crate) fn set_r2_behaviour(&mut self, behaviour: R2Behaviour) {
        self.writes = WriteLimit::new(behaviour.write_interval);
        self.r2_behaviour = behaviour;
    }

    /// Returns the credentials, scope and buckets of the permanent key with this id. `None` as buckets means
    /// all.
    pub(crate) fn permanent_key(
        &self,
        access_key_id: &str,
    ) -> Option<(sigv4::Credentials, AccessScope, Option<Vec<String>>)> {
        if access_key_id == self.signing.access_key_id() {
            return Some((self.signing.clone(), AccessScope::AdminReadWrite, None));
        }
        let key = self.keys.as_ref()?.find(access_key_id)?;
        if let (Some(delay), Some(created)) = (self.r2_behaviour.new_key_delay, key.created())
            && self.store.now().duration_since(created).is_ok_and(|age| age < delay)
        {
            return None;
        }
        Some((key.signing(), key.scope(), key.buckets().map(<[_]>::to_vec)))
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("account_id", &self.account_id).finish_non_exhaustive()
    }
}
