//! Which checksum an upload in parts was begun with, and what AWS says of requests that do not go with it.

use cloudflare_clients::LocalBucket;
use cloudflare_clients::r2::{Bucket as _, ChecksumAlgorithm, ChecksumType, ListPartsRequest};
use cloudflare_clients::s3::error_code::INVALID_REQUEST;

use crate::s3::error::S3Error;

/// The algorithm that an upload was begun with.
pub(super) async fn algorithm_of(
    bucket: &LocalBucket,
    key: &str,
    upload_id: &str,
) -> Result<Option<ChecksumAlgorithm>, S3Error> {
    let mut list = ListPartsRequest::new(key, upload_id);
    list.limit = Some(1);
    Ok(bucket.list_parts(list).await?.checksum_algorithm)
}

/// Whether each part has to come with its checksum: the object gets one of these.
pub(super) fn needs_parts(algorithm: ChecksumAlgorithm) -> bool {
    algorithm.type_of_parts() == Some(ChecksumType::Composite)
}

/// A part without the checksum that it has to come with.
pub(super) fn missing_of_part(algorithm: ChecksumAlgorithm) -> S3Error {
    S3Error::new(
        INVALID_REQUEST,
        format!(
            "Checksum Type mismatch occurred, expected checksum Type: {algorithm}, actual checksum Type: null"
        ),
    )
}
