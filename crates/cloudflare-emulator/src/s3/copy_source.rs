//! `x-amz-copy-source`: the source of a copy.

use cloudflare_clients::s3::endpoint::validate_bucket_name;

use crate::s3::error::S3Error;
use crate::s3::request::S3Request;
use crate::uri;

pub(crate) struct CopySource {
    pub(crate) bucket: String,
    pub(crate) key: String,
}

impl CopySource {
    /// `/bucket/key` or `bucket/key`, percent-encoded. A `+` is a space, as AWS has it and some clients send
    /// it; a plus is `%2B`.
    pub(crate) fn parse(request: &S3Request) -> Result<Self, S3Error> {
        let header = request.header("x-amz-copy-source")?.unwrap_or_default();
        if header.contains("?versionId=") {
            return Err(S3Error::header_not_implemented("x-amz-copy-source", header));
        }
        // Some clients encode the slash behind the bucket, too.
        let source = uri::decode(&header.replace('+', "%20"))?;
        let invalid = || S3Error::invalid_argument("copy source bucket name");
        let (bucket, key) =
            source.strip_prefix('/').unwrap_or(&source).split_once('/').ok_or_else(invalid)?;
        if validate_bucket_name(bucket).is_err() || key.is_empty() {
            return Err(invalid());
        }
        Ok(Self { bucket: bucket.to_owned(), key: key.to_owned() })
    }
}
