//! Checksum of a multipart upload, and AWS's errors for requests that do not match it.

use cloudflare_clients::LocalBucket;
use cloudflare_clients::r2::{Bucket as _, ChecksumAlgorithm, ChecksumType, ListPartsRequest};
use cloudflare_clients::s3::error_code::INVALID_REQUEST;

use crate::s3::error::S3Error;

/// Returns the checksum algorithm of an upload.
pub(super) async fn algorithm_of(
    bucket: &LocalBucket,
    key: &str,
    upload_id: &str,
) -> Result<Option<ChecksumAlgorithm>, S3Error> {
    let mut list = ListPartsRequest::new(key, upload_id);
    list.limit = Some(1);
    Ok(bucket.list_parts(list).await?.checksum_algorithm)
}

/// Whether each part needs its checksum, from which the object's checksum is computed.
pub(super) fn needs_parts(algorithm: ChecksumAlgorithm) -> bool {
    algorithm.type_of_parts() == Some(ChecksumType::Composite)
}

/// Returns the error of a part without its required checksum.
pub(super) fn missing_of_part(algorithm: ChecksumAlgorithm) -> S3Error {
    S3Error::new(
        INVALID_REQUEST,
        format!(
            "Checksum Type mismatch occurred, expected checksum Type: {algorithm}, actual checksum Type: null"
        ),
    )
}
