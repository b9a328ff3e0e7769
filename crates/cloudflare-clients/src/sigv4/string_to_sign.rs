use std::fmt;

use sha2::{Digest, Sha256};

use super::{ALGORITHM, SERVICE, TERMINATOR, Timestamp};

/// What a signing key is good for: one day, one region, S3. Displays as `YYYYMMDD/REGION/s3/aws4_request`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// `YYYYMMDD`
    pub date: &'a str,
    /// `auto` for R2.
    pub region: &'a str,
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
    format!("{ALGORITHM}\n{}\n{scope}\n{hash}", timestamp.as_str())
}
