//! Headers and parameters that R2 refuses, by operation.

use cloudflare_clients::r2::{ChecksumAlgorithm, ChecksumType};
use cloudflare_clients::s3::error_code::INVALID_REQUEST;
use cloudflare_clients::s3::headers::{CustomerKeyTarget, read_ssec_key};
use http::HeaderMap;

use crate::s3::error::S3Error;
use crate::s3::operation::S3Operation;
use crate::s3::parameters::Treatment;
use crate::uri::Query;

/// Refuses what R2 has not, by [what becomes](S3Operation::treatment_of) of each header and parameter, and
/// what does not go together.
pub(crate) fn screen(operation: S3Operation, query: &Query, headers: &HeaderMap) -> Result<(), S3Error> {
    let is_refused = |name: &str, value: &str| match operation.treatment_of(name) {
        Some(Treatment::Refused) => true,
        Some(Treatment::Only(values)) => !values.contains(&value),
        _ => false,
    };
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        if is_refused(name.as_str(), &value) {
            return Err(S3Error::header_not_implemented(name.as_str(), &value));
        }
    }
    if let Some((name, _)) = query.iter().find(|(name, value)| is_refused(&format!("?{name}"), value)) {
        return Err(S3Error::parameter_not_implemented(operation, name));
    }
    match operation {
        S3Operation::CompleteMultipartUpload => {
            for algorithm in ChecksumAlgorithm::ALL {
                if headers.contains_key(format!("x-amz-checksum-{algorithm}")) {
                    is_type_of(algorithm, headers)?;
                }
            }
        }
        S3Operation::PutObject | S3Operation::UploadPart => chunked(headers)?,
        S3Operation::CreateMultipartUpload => checksum_algorithm(headers)?,
        _ => {}
    }
    // Before a body is received.
    for target in [CustomerKeyTarget::Object, CustomerKeyTarget::CopySource] {
        if operation.reads_header(target.headers()[0].as_str()) {
            let key = read_ssec_key(headers, target)?;
            if key.is_some() && headers.contains_key("x-amz-server-side-encryption") {
                return Err(S3Error::invalid_argument(
                    "Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
                ));
            }
        }
    }
    Ok(())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<std::borrow::Cow<'a, str>> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()))
}

fn chunked(headers: &HeaderMap) -> Result<(), S3Error> {
    match text(headers, "content-encoding") {
        Some(value) if value.split(',').any(|coding| coding.trim() == "aws-chunked") => {
            Err(S3Error::header_not_implemented("content-encoding", &value))
        }
        _ => Ok(()),
    }
}

/// Checks the algorithm and checksum type with which a multipart upload is started.
fn checksum_algorithm(headers: &HeaderMap) -> Result<(), S3Error> {
    const ALGORITHM: &str = "x-amz-checksum-algorithm";
    let Some(name) = text(headers, ALGORITHM) else {
        if headers.contains_key("x-amz-checksum-type") {
            return Err(S3Error::new(
                INVALID_REQUEST,
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
            ));
        }
        return Ok(());
    };
    let known = ChecksumAlgorithm::from_name(&name).filter(|known| known.type_of_parts().is_some());
    is_type_of(known.ok_or_else(|| S3Error::header_not_implemented(ALGORITHM, &name))?, headers)
}

/// Refuses a type that R2 does not have of the checksums of this algorithm. That of all bytes is one that AWS
/// has for all CRCs.
fn is_type_of(algorithm: ChecksumAlgorithm, headers: &HeaderMap) -> Result<(), S3Error> {
    const TYPE: &str = "x-amz-checksum-type";
    let Some(name) = text(headers, TYPE) else { return Ok(()) };
    let Some(given) = ChecksumType::from_s3(&name) else {
        return Err(S3Error::new(INVALID_REQUEST, "Value for x-amz-checksum-type header is invalid."));
    };
    match (given, algorithm) {
        _ if algorithm.type_of_parts() == Some(given) => Ok(()),
        (ChecksumType::FullObject, ChecksumAlgorithm::Crc32 | ChecksumAlgorithm::Crc32c) => {
            Err(S3Error::header_not_implemented(TYPE, &name))
        }
        _ => Err(S3Error::new(
            INVALID_REQUEST,
            format!("The {name} checksum type cannot be used with the {algorithm} checksum algorithm."),
        )),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn headers_are_refused_where_r2_refuses_them() {
        use S3Operation::{
            AbortMultipartUpload, CompleteMultipartUpload, CopyObject, CreateBucket, CreateMultipartUpload,
            DeleteObject, GetObject, HeadBucket, PutObject, UploadPart, UploadPartCopy,
        };
        for (operation, name, value, code) in [
            (PutObject, "x-amz-tagging", "a=b", Some("NotImplemented")),
            (PutObject, "x-amz-acl", "public-read", None),
            (PutObject, "x-amz-acl", "mine", Some("NotImplemented")),
            (PutObject, "x-amz-server-side-encryption", "AES256", None),
            (PutObject, "x-amz-server-side-encryption", "aws:kms", Some("NotImplemented")),
            (PutObject, "content-encoding", "gzip, aws-chunked", Some("NotImplemented")),
            (PutObject, "x-amz-server-side-encryption-customer-algorithm", "AES256", Some("InvalidArgument")),
            (GetObject, "x-amz-expected-bucket-owner", "me", Some("NotImplemented")),
            (GetObject, "x-amz-tagging", "a=b", None),
            (DeleteObject, "x-amz-mfa", "1", Some("NotImplemented")),
            (DeleteObject, "x-amz-if-match-size", "1", Some("NotImplemented")),
            (AbortMultipartUpload, "x-amz-if-match-initiated-time", "x", Some("NotImplemented")),
            (HeadBucket, "x-amz-expected-bucket-owner", "me", Some("NotImplemented")),
            (CreateBucket, "x-amz-acl", "public-read", None),
            (CreateBucket, "x-amz-bucket-object-lock-enabled", "true", Some("NotImplemented")),
            (PutObject, "x-amz-write-offset-bytes", "1", Some("NotImplemented")),
            (PutObject, "x-amz-checksum-xxhash64", "x", Some("NotImplemented")),
            (PutObject, "x-amz-request-payer", "requester", None),
            (UploadPart, "content-encoding", "aws-chunked", Some("NotImplemented")),
            (CompleteMultipartUpload, "x-amz-checksum-sha256", "x", None),
            (CopyObject, "x-amz-checksum-algorithm", "CRC32", Some("NotImplemented")),
            (CreateMultipartUpload, "x-amz-checksum-algorithm", "CRC32", None),
            (UploadPartCopy, "x-amz-copy-source-if-match", "x", Some("NotImplemented")),
        ] {
            let headers =
                HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))]);
            let refused = screen(operation, &Query::default(), &headers).err().map(|error| error.code);
            assert_eq!(refused, code, "{operation:?} {name}: {value}");
        }
    }

    #[test]
    fn checksums_are_of_the_type_that_r2_has() {
        use S3Operation::{CompleteMultipartUpload, CreateMultipartUpload};
        for (operation, name, value, kind, code) in [
            (CreateMultipartUpload, "algorithm", "CRC64NVME", None, None),
            (CreateMultipartUpload, "algorithm", "crc64nvme", Some("FULL_OBJECT"), None),
            (CreateMultipartUpload, "algorithm", "CRC64NVME", Some("COMPOSITE"), Some("InvalidRequest")),
            (CreateMultipartUpload, "algorithm", "CRC32", Some("FULL_OBJECT"), Some("NotImplemented")),
            (CreateMultipartUpload, "algorithm", "CRC32", Some("COMPOSITE"), None),
            (CreateMultipartUpload, "algorithm", "SHA1", Some("COMPOSITE"), None),
            (CreateMultipartUpload, "algorithm", "SHA256", Some("FULL_OBJECT"), Some("InvalidRequest")),
            (CreateMultipartUpload, "algorithm", "SHA256", Some("composite"), Some("InvalidRequest")),
            (CreateMultipartUpload, "algorithm", "SHA512", None, Some("NotImplemented")),
            (CreateMultipartUpload, "algorithm", "MD5", None, Some("NotImplemented")),
            (CreateMultipartUpload, "mode", "ENABLED", Some("COMPOSITE"), Some("InvalidRequest")),
            (CreateMultipartUpload, "mode", "ENABLED", Some("FULL_OBJECT"), Some("InvalidRequest")),
            (CompleteMultipartUpload, "crc64nvme", "x", Some("FULL_OBJECT"), None),
            (CompleteMultipartUpload, "crc64nvme", "x", Some("COMPOSITE"), Some("InvalidRequest")),
            (CompleteMultipartUpload, "crc32", "x", Some("COMPOSITE"), None),
            (CompleteMultipartUpload, "crc32c", "x", Some("FULL_OBJECT"), Some("NotImplemented")),
            (CompleteMultipartUpload, "sha1", "x", Some("FULL_OBJECT"), Some("InvalidRequest")),
            (CompleteMultipartUpload, "sha512", "x", None, Some("NotImplemented")),
        ] {
            let name = HeaderName::try_from(format!("x-amz-checksum-{name}")).unwrap();
            let mut headers = HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
            if let Some(kind) = kind {
                headers.insert("x-amz-checksum-type", HeaderValue::from_static(kind));
            }
            let refused = screen(operation, &Query::default(), &headers).err().map(|error| error.code);
            assert_eq!(refused, code, "{operation:?} {headers:?}");
        }
    }

    /// There are none, and what was asked of one version must not be done to the object.
    #[test]
    fn versions_are_refused() {
        for (query, code) in [
            ("versionId=1", Some("NotImplemented")),
            ("versionId=null", None),
            ("versionId=", None),
            ("x=1", None),
        ] {
            let query = Query::parse(query).unwrap();
            let refused = screen(S3Operation::DeleteObject, &query, &HeaderMap::new());
            assert_eq!(refused.err().map(|error| error.code), code);
        }
    }
}
