//! `x-amz-expiration`: the time at which a lifecycle rule deletes the object.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloudflare_clients::r2::Bucket as _;
use cloudflare_clients::{ErrorKind, LocalBucket};
use http::{HeaderMap, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::s3::error::S3Error;
use crate::s3::response::value;

const EXPIRATION: &str = "x-amz-expiration";

/// Start of the year 10000, since 1970.
const YEAR_10000: Duration = Duration::from_secs(253_402_300_800);

/// Characters that are not encoded in the id of a rule.
const ID: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Adds the header to the answer about an object that was uploaded at this time, if a rule deletes it.
pub(super) async fn add(
    bucket: &LocalBucket,
    key: &str,
    uploaded: Option<SystemTime>,
    headers: &mut HeaderMap,
) -> Result<(), S3Error> {
    let policy = match bucket.lifecycle().await {
        // The bucket has been deleted since.
        Err(error) if error.kind() == ErrorKind::NoSuchBucket => return Ok(()),
        policy => policy?,
    };
    let expiration = uploaded.and_then(|uploaded| policy.as_ref()?.expiration(key, uploaded));
    // HTTP dates end with the year 9999.
    if let Some((time, rule)) = expiration.filter(|(time, _)| *time < UNIX_EPOCH + YEAR_10000) {
        headers.insert(EXPIRATION, written(time, &rule.id)?);
    }
    Ok(())
}

fn written(time: SystemTime, rule: &str) -> Result<HeaderValue, S3Error> {
    let mut text = format!("expiry-date=\"{}\", rule-id=\"", httpdate::fmt_http_date(time));
    // Writing to a String cannot fail.
    let _ = write!(text, "{}\"", utf8_percent_encode(rule, ID));
    value(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_aws_does() {
        let header = written(UNIX_EPOCH + Duration::from_secs(1_356_220_800), "a \"rule\"").unwrap();
        assert_eq!(header, "expiry-date=\"Sun, 23 Dec 2012 00:00:00 GMT\", rule-id=\"a%20%22rule%22\"");
    }
}
