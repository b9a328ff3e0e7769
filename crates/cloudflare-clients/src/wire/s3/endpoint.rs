//! Where requests go, and the forms of what is in an address.

pub use crate::account::validate_account_id;
pub use crate::model::r2::{validate_bucket_name, validate_key};
pub use crate::signing::endpoint::{Addressing, Endpoint, Jurisdiction};
