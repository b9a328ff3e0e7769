use std::fmt;

use sha2::{Digest, Sha256};

use super::Timestamp;

/// The only algorithm R2 takes.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The service in the scope of every signature.
pub const SERVICE: &str = "s3";
/// The last part of every scope.
pub const TERMINATOR: &str = "aws4_request";

/// What a signing key is good for: one day, one region, S3. Displays as `YYYYMMDD/REGION/s3/aws4_request`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scope<'a> {
    /// `YYYYMMDD`
    pub date: &'a str,
    /// `auto` for R2.
    pub region: &'a str,
}

impl<'a> Scope<'a> {
    /// The scope of a day, `YYYYMMDD`, and a region, which is `auto` for R2.
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
/// what the key signs.
pub fn string_to_sign(timestamp: &Timestamp, scope: Scope<'_>, canonical_request: &str) -> String {
    let hash = hex::encode(Sha256::digest(canonical_request));
    string_to_sign_head(timestamp, scope) + &hash
}

/// All of the string to sign that comes before the canonical request's hash: 64 bytes for region `auto`.
pub(super) fn string_to_sign_head(timestamp: &Timestamp, scope: Scope<'_>) -> String {
    format!("{ALGORITHM}\n{}\n{scope}\n", timestamp.as_str())
}
