//! Presigned and public URLs of a service's objects, and temporary credentials.

use std::time::Duration;

use super::service::R2Service;
use crate::error::{Error, Result};
use crate::model::r2::validate_key;
use crate::signing::{Presign, SignedUrl, TempCredentials, TempCredentialsRequest};
use crate::sigv4::encode_path;

impl R2Service {
    /// A URL that lets anyone who has it read the object until it expires, 1 second to 7 days from now.
    ///
    /// # Errors
    /// [`ErrorKind::MissingSigningConfig`](crate::ErrorKind) without [`with_signing`](Self::with_signing); [`ErrorKind::InvalidInput`](crate::ErrorKind) for a bad key
    /// or expiry. Nothing is sent.
    pub fn generate_signed_url(&self, key: impl Into<String>, expires_in: Duration) -> Result<SignedUrl> {
        self.signing()?.generate_signed_url(&key.into(), expires_in)
    }

    /// URLs that let anyone who has them read the objects, in the order of the keys: several are hashed side by side.
    ///
    /// # Errors
    /// As [`generate_signed_url`](Self::generate_signed_url), for any of the keys.
    pub fn generate_signed_urls<K: AsRef<str>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        expires_in: Duration,
    ) -> Result<Vec<SignedUrl>> {
        self.signing()?.generate_signed_urls(keys, expires_in)
    }

    /// A URL that lets anyone who has it store an object under the key until it expires, with a PUT.
    ///
    /// # Errors
    /// As [`generate_signed_url`](Self::generate_signed_url).
    pub fn generate_signed_upload_url(
        &self,
        key: impl Into<String>,
        expires_in: Duration,
    ) -> Result<SignedUrl> {
        self.signing()?.generate_signed_upload_url(&key.into(), expires_in)
    }

    /// A presigned URL with headers or of another method; see [`Presign`].
    ///
    /// # Errors
    /// [`ErrorKind::MissingSigningConfig`](crate::ErrorKind) without [`with_signing`](Self::with_signing).
    pub fn presign(&self, method: http::Method, key: impl Into<String>) -> Result<Presign> {
        Ok(self.signing()?.presign(method, key.into()))
    }

    /// Temporary credentials, made from those that the service signs with: see [`TempCredentials`]. Nothing
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
    /// [`ErrorKind::MissingSigningConfig`](crate::ErrorKind) without [`with_signing`](Self::with_signing);
    /// else those of [`TempCredentialsRequest::mint`].
    pub fn mint_temp_credentials(&self, request: &TempCredentialsRequest) -> Result<TempCredentials> {
        request.mint(&self.signing()?)
    }

    /// The unsigned URL of an object on the bucket's custom domain. R2's S3 endpoint is never public.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind) without [`with_public_base_url`](Self::with_public_base_url), or for a bad key.
    pub fn public_url(&self, key: impl AsRef<str>) -> Result<String> {
        let key = key.as_ref();
        validate_key(key)?;
        let base = self.public_base_url().ok_or_else(|| {
            Error::invalid_input(
                "no public base URL: connect a custom domain to the bucket and name it with `with_public_base_url`",
            )
        })?;
        let mut url = format!("{base}/");
        encode_path(key, &mut url);
        Ok(url)
    }
}
