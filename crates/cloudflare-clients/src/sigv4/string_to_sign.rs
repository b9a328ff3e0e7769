use std::fmt;

use sha2::{Digest, Sha256};

use super::Timestamp;

/// The only algorithm that R2 accepts.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The service in the scope of every signature.
pub const SERVICE: &str = "s3";
/// The last part of every scope.
pub const TERMINATOR: &str = "aws4_request";

/// The scope of a signing key: one day, one region, and S3. `Display` writes
/// `YYYYMMDD/REGION/s3/aws4_request`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scope<'a> {
    /// The day in the form `YYYYMMDD`.
    pub date: &'a str,
    /// The region: `auto` for R2.
    pub region: &'a str,
}

impl<'a> Scope<'a> {
    /// Creates the scope of a day, `YYYYMMDD`, and a region, which is `auto` for R2.
    pub fn new(date: &'a str, region: &'a str) -> Self {
        Self { date, region }
    }
}

impl fmt::Display for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, region } = self;
        write!(f, "{date}/{region}/{SERVICE}/{TERMINATOR}")
    }
}

/// [Step 3](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#create-string-to-sign):
/// the text that the key signs.
pub fn string_to_sign(timestamp: &Timestamp, scope: Scope<'_>, canonical_request: &str) -> String {
    let hash = hex::encode(Sha256::digest(canonical_request));
    string_to_sign_head(timestamp, scope) + &hash
}

/// The string to sign before the hash of the canonical request: 64 bytes for the region `auto`.
pub(super) fn string_to_sign_head(timestamp: &Timestamp, scope: Scope<'_>) -> String {
    format!("{ALGORITHM}\n{}\n{scope}\n", timestamp.as_str())
}
