//! R2.

mod presign;
mod signed_url;
mod signing_client;
mod signing_config;

pub use presign::Presign;
pub use signed_url::SignedUrl;
pub use signing_client::R2SigningClient;
pub use signing_config::R2SigningConfig;

pub use crate::s3::endpoint::{Addressing, Jurisdiction};
