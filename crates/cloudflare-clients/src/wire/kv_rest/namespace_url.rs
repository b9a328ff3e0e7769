//! The URL of a namespace.

use std::fmt;

use super::namespaces_url::NamespacesUrl;
use crate::error::{Error, Result};

/// The URL of a namespace in Cloudflare's API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceUrl {
    namespaces: NamespacesUrl,
    namespace_id: String,
}

impl NamespaceUrl {
    /// Creates the URL of a namespace of an account.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) if the namespace's id is not 32 lower-case hexadecimal
    /// characters.
    pub fn new(namespaces: NamespacesUrl, namespace_id: String) -> Result<Self> {
        validate_namespace_id(&namespace_id)?;
        Ok(Self { namespaces, namespace_id })
    }

    /// Returns the URL of all namespaces of the account.
    pub fn namespaces(&self) -> &NamespacesUrl {
        &self.namespaces
    }

    pub(super) fn path(&self) -> Result<String> {
        Ok(format!("{}/{}", self.namespaces.path()?, self.namespace_id))
    }
}

/// Checks that a namespace's id is 32 lower-case hexadecimal characters.
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
        write!(f, "{}/{}", self.namespaces, self.namespace_id)
    }
}
