//! `partNumber`, which says which part of an upload is sent.

use cloudflare_clients::r2::MAX_PARTS;

use crate::s3::error::S3Error;
use crate::uri::Query;

pub(super) fn parse(query: &Query) -> Result<u16, S3Error> {
    query
        .get("partNumber")
        .and_then(|number| number.parse().ok())
        .filter(|number| (1..=MAX_PARTS).contains(number))
        .ok_or_else(|| {
            S3Error::invalid_argument(format!(
                "Part number must be an integer between 1 and {MAX_PARTS}, inclusive"
            ))
        })
}
