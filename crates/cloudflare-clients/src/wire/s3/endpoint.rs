//! The addresses of requests, and the formats of the names in them.

pub use crate::account::validate_account_id;
pub use crate::model::r2::{validate_bucket_name, validate_key};
pub use crate::signing::endpoint::{Addressing, Endpoint, Jurisdiction};
