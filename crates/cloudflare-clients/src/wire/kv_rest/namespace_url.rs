//! Where requests about a namespace go.

use std::fmt;

use crate::error::{Error, Result};
use crate::signing::endpoint::Endpoint;

/// The URL of a namespace in Cloudflare's API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceUrl {
    api: Endpoint,
    account_id: String,
    namespace_id: String,
}

impl NamespaceUrl {
    /// A namespace of an account, below the URL of an API.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): the namespace's id is not 32 lower-case hexadecimal characters.
    pub fn new(api: Endpoint, account_id: String, namespace_id: String) -> Result<Self> {
        validate_namespace_id(&namespace_id)?;
        Ok(Self { api, account_id, namespace_id })
    }

    pub(super) fn scheme(&self) -> &'static str {
        self.api.scheme()
    }

    pub(super) fn host(&self) -> Result<String> {
        self.api.host_for(None)
    }

    pub(super) fn path(&self) -> Result<String> {
        let api = self.api.path_for(None, None)?;
        let (api, Self { account_id, namespace_id, .. }) = (api.trim_end_matches('/'), self);
        Ok(format!("{api}/accounts/{account_id}/storage/kv/namespaces/{namespace_id}"))
    }
}

/// Checks the form of a namespace's id: 32 lower-case hexadecimal characters.
pub(crate) fn validate_namespace_id(namespace_id: &str) -> Result<()> {
    let is_hex = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if namespace_id.len() == 32 && namespace_id.bytes().all(is_hex) {
        return Ok(());
    }
    Err(Error::invalid_input(format!(
        "{namespace_id:?} ({} characters) is not a namespace id: it has 32 characters of 0-9 and a-f. `wrangler kv \
         namespace list` shows it",
        namespace_id.chars().count()
    )))
}

impl fmt::Display for NamespaceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { api, account_id, namespace_id } = self;
        write!(f, "{api}/accounts/{account_id}/storage/kv/namespaces/{namespace_id}")
    }
}
