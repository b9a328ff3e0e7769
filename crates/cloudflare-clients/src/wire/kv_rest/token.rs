//! The token that requests are authorised by.

use std::fmt;

use http::HeaderValue;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::secret::validate_secret;

/// An [API token](https://developers.cloudflare.com/fundamentals/api/get-started/create-token/). `Debug` hides it.
#[derive(Clone)]
pub struct ApiToken(Zeroizing<String>);

impl ApiToken {
    /// A token, as it was copied.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): it is empty or has characters that no token has.
    pub fn new(token: impl Into<String>) -> Result<Self> {
        let token = Zeroizing::new(token.into());
        validate_secret("API token", &token)?;
        Ok(Self(token))
    }

    /// The value of `Authorization`, which `Debug` hides too.
    ///
    /// # Errors
    /// None that is known: what it would be made of was checked.
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
