//! `partNumber`: the part of an upload to store, or of an object to read.

use cloudflare_clients::r2::MAX_PARTS;

use crate::s3::error::S3Error;
use crate::uri::Query;

pub(super) fn parse(query: &Query) -> Result<u16, S3Error> {
    parse_number(query.get("partNumber"))
}

/// Returns the part number of a read, if it has one.
pub(super) fn parse_if_any(query: &Query) -> Result<Option<u16>, S3Error> {
    query.get("partNumber").map(|number| parse_number(Some(number))).transpose()
}

fn parse_number(number: Option<&str>) -> Result<u16, S3Error> {
    number
        .and_then(|number| number.parse().ok())
        .filter(|number| (1..=MAX_PARTS).contains(number))
        .ok_or_else(|| {
            S3Error::invalid_argument(format!(
                "Part number must be an integer between 1 and {MAX_PARTS}, inclusive"
            ))
        })
}
