//! [Session tokens](https://developers.cloudflare.com/r2/api/s3/temporary-credentials/) of temporary
//! credentials, as a server verifies them.

pub use crate::signing::temp_credentials::{AccessScope, InvalidSessionToken, S3Action, SessionToken};
