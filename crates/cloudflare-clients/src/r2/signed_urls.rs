//! Presigned and public URLs of a service's objects, and temporary credentials.

use std::time::Duration;

use super::service::R2Service;
use crate::error::{Error, Result};
use crate::model::r2::validate_key;
use crate::signing::{Presign, SignedUrl, TempCredentials, TempCredentialsRequest};
use crate::sigv4::encode_path;

impl R2Service {
    /// Creates a URL with which anyone can read the object until it expires, 1 second to 7 days from now.
    /// Nothing is sent.
    ///
    /// # Errors
    /// [`ErrorKind::MissingSigningConfig`](crate::ErrorKind) without [`with_signing`](Self::with_signing).
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) for an invalid key or expiry.
    pub fn generate_signed_url(&self, key: impl Into<String>, expires_in: Duration) -> Result<SignedUrl> {
        self.signing()?.generate_signed_url(&key.into(), expires_in)
    }

    /// Creates URLs with which anyone can read the objects, in the order of the keys. This is faster than one
    /// by one, because several URLs are hashed in parallel.
    ///
    /// # Errors
    /// As for [`generate_signed_url`](Self::generate_signed_url), for any of the keys.
    pub fn generate_signed_urls<K: AsRef<str>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        expires_in: Duration,
    ) -> Result<Vec<SignedUrl>> {
        self.signing()?.generate_signed_urls(keys, expires_in)
    }

    /// Creates a URL with which anyone can store an object under the key with a PUT, until it expires.
    ///
    /// # Errors
    /// As for [`generate_signed_url`](Self::generate_signed_url).
    pub fn generate_signed_upload_url(
        &self,
        key: impl Into<String>,
        expires_in: Duration,
    ) -> Result<SignedUrl> {
        self.signing()?.generate_signed_upload_url(&key.into(), expires_in)
    }

    /// Creates a presigned URL with headers or for another method: see [`Presign`].
    ///
    /// # Errors
    /// [`ErrorKind::MissingSigningConfig`](crate::ErrorKind) without [`with_signing`](Self::with_signing).
    pub fn presign(&self, method: http::Method, key: impl Into<String>) -> Result<Presign> {
        Ok(self.signing()?.presign(method, key.into()))
    }

    /// Creates temporary credentials from those that the service signs with: see [`TempCredentials`]. Nothing
    /// is sent.
    ///
    /// ```
    /// use std::time::Duration;
    /// use cloudflare_clients::r2::{R2Service, TempCredentials};
    ///
    /// # fn example(r2: &R2Service) -> cloudflare_clients::Result<()> {
    /// let hour = Duration::from_secs(3600);
    /// let request = TempCredentials::for_bucket("media").prefix("creator-123/").lifetime(hour);
    /// let temporary = r2.mint_temp_credentials(&request)?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::MissingSigningConfig`](crate::ErrorKind) without [`with_signing`](Self::with_signing), or
    /// those of [`TempCredentialsRequest::mint`].
    pub fn mint_temp_credentials(&self, request: &TempCredentialsRequest) -> Result<TempCredentials> {
        request.mint(&self.signing()?)
    }

    /// Returns the unsigned URL of an object on the bucket's custom domain. R2's S3 endpoint is never public.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) without
    /// [`with_public_base_url`](Self::with_public_base_url), or for an invalid key.
    pub fn public_url(&self, key: impl AsRef<str>) -> Result<String> {
        let key = key.as_ref();
        validate_key(key)?;
        let base = self.public_base_url().ok_or_else(|| {
            Error::invalid_input(
                "no public base URL: connect a custom domain to the bucket and pass its URL to `with_public_base_url`",
            )
        })?;
        let mut url = format!("{base}/");
        encode_path(key, &mut url);
        Ok(url)
    }
}
