//! Signing for a bucket: its address, its credentials, and presigned URLs. Nothing here does I/O.

mod account_config;
mod clock;
pub(crate) mod endpoint;
mod presign;
mod r2_url;
mod signed_url;
mod signed_url_cache;
mod signing_client;
mod signing_config;
pub(crate) mod temp_credentials;
pub(crate) mod url_signer;
#[cfg(all(feature = "workers", target_arch = "wasm32"))]
pub(crate) mod worker_secrets;

pub use self::account_config::R2AccountConfig;
pub use self::endpoint::{Addressing, Endpoint, Jurisdiction};
pub use self::presign::Presign;
pub use self::signed_url::SignedUrl;
pub use self::signed_url_cache::SignedUrlCache;
pub use self::signing_client::R2SigningClient;
pub use self::signing_config::R2SigningConfig;
pub use self::temp_credentials::{AccessScope, S3Action, TempCredentials, TempCredentialsRequest};
