//! The token that authorises requests.

use std::fmt;

use http::HeaderValue;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::secret::validate_secret;

/// An [API token](https://developers.cloudflare.com/fundamentals/api/get-started/create-token/).
/// `Debug` hides it.
#[derive(Clone)]
pub struct ApiToken(Zeroizing<String>);

impl ApiToken {
    /// Creates a token from its text.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) if it is empty or has characters that tokens do not
    /// have.
    pub fn new(token: impl Into<String>) -> Result<Self> {
        let token = Zeroizing::new(token.into());
        validate_secret("API token", &token)?;
        Ok(Self(token))
    }

    /// Returns the value of `Authorization`, which `Debug` hides too.
    ///
    /// # Errors
    /// No error is known: the token was checked when it was created.
    pub fn to_header(&self) -> Result<HeaderValue> {
        let bearer = Zeroizing::new(format!("Bearer {}", self.0.as_str()));
        let mut value = HeaderValue::from_str(&bearer)
            .map_err(|_| Error::invalid_input("the API token cannot be sent in a header"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiToken").finish_non_exhaustive()
    }
}
