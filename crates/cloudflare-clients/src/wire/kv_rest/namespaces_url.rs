//! The URL of an account's namespaces.

use std::fmt;

use crate::error::Result;
use crate::signing::endpoint::Endpoint;

/// The URL of an account's namespaces in Cloudflare's API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespacesUrl {
    api: Endpoint,
    account_id: String,
}

impl NamespacesUrl {
    /// Creates the URL of an account's namespaces, below the URL of an API.
    pub fn new(api: Endpoint, account_id: String) -> Self {
        Self { api, account_id }
    }

    pub(super) fn scheme(&self) -> &'static str {
        self.api.scheme()
    }

    pub(super) fn host(&self) -> Result<String> {
        self.api.host_for(None)
    }

    pub(super) fn path(&self) -> Result<String> {
        let api = self.api.path_for(None, None)?;
        Ok(format!("{}/accounts/{}/storage/kv/namespaces", api.trim_end_matches('/'), self.account_id))
    }
}

impl fmt::Display for NamespacesUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { api, account_id } = self;
        write!(f, "{api}/accounts/{account_id}/storage/kv/namespaces")
    }
}
