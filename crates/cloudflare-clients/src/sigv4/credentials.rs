use std::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// Credentials for signing requests: an access key id, its secret and, for temporary credentials, the session
/// token.
///
/// For R2 they come from an [API token](https://developers.cloudflare.com/r2/api/tokens/). The secret and the
/// token are wiped from memory on drop, and `Debug` never shows them.
#[derive(Clone)]
pub struct Credentials {
    access_key_id: String,
    secret_access_key: Zeroizing<String>,
    session_token: Option<Zeroizing<String>>,
}

impl Credentials {
    /// Creates permanent credentials.
    pub fn new(access_key_id: impl Into<String>, secret_access_key: impl Into<String>) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            secret_access_key: Zeroizing::new(secret_access_key.into()),
            session_token: None,
        }
    }

    /// Makes them [temporary
    /// credentials](https://developers.cloudflare.com/r2/api/s3/tokens/#temporary-access-credentials).
    #[must_use]
    pub fn with_session_token(mut self, session_token: impl Into<String>) -> Self {
        self.session_token = Some(Zeroizing::new(session_token.into()));
        self
    }

    /// The access key id. It is not secret: every presigned URL shows it.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    pub(crate) fn secret_access_key(&self) -> &str {
        &self.secret_access_key
    }

    pub(crate) fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref().map(String::as_str)
    }
}

/// Compares the secrets in constant time, except for their lengths.
impl PartialEq for Credentials {
    fn eq(&self, other: &Self) -> bool {
        let token = |credentials: &Self| credentials.session_token.clone().unwrap_or_default();
        let same_secrets = self.secret_access_key.as_bytes().ct_eq(other.secret_access_key.as_bytes())
            & token(self).as_bytes().ct_eq(token(other).as_bytes());
        self.access_key_id == other.access_key_id && same_secrets.into()
    }
}

impl Eq for Credentials {}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}
