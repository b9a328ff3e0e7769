//! R2's [temporary credentials](https://developers.cloudflare.com/r2/api/s3/temporary-credentials/): what
//! they allow, how they are created from a permanent key without the network, and how a server verifies them.

mod access_scope;
mod claims;
mod request;
mod s3_action;
mod session_token;
mod temporary;

pub use self::access_scope::AccessScope;
pub use self::request::TempCredentialsRequest;
pub use self::s3_action::S3Action;
pub use self::session_token::{InvalidSessionToken, SessionToken};
pub use self::temporary::TempCredentials;
