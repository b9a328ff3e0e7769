//! Headers that R2 knows and refuses, by operation.

use cloudflare_clients::s3::error_code::{INVALID_ENCRYPTION_ALGORITHM_ERROR, INVALID_REQUEST};
use http::HeaderMap;

use crate::s3::error::S3Error;
use crate::s3::operation::S3Operation;

/// Refused on what writes an object.
const WRITES: &[&str] = &[
    "x-amz-tagging",
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write",
    "x-amz-grant-write-acp",
    "x-amz-website-redirect-location",
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
    "x-amz-object-lock-legal-hold",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-context",
    "x-amz-server-side-encryption-bucket-key-enabled",
];
const COPIES: &[&str] =
    &["x-amz-source-expected-bucket-owner", "x-amz-tagging-directive", "x-amz-checksum-algorithm"];
const PART_COPIES: &[&str] = &[
    "x-amz-source-expected-bucket-owner",
    "x-amz-copy-source-if-match",
    "x-amz-copy-source-if-none-match",
    "x-amz-copy-source-if-modified-since",
    "x-amz-copy-source-if-unmodified-since",
];
const DELETES: &[&str] = &["x-amz-mfa", "x-amz-bypass-governance-retention"];
/// R2 has no `aws-chunked` bodies, and so no trailers.
const UPLOADS: &[&str] = &["x-amz-trailer", "x-amz-decoded-content-length"];

const CANNED_ACLS: &[&str] = &[
    "private",
    "public-read",
    "public-read-write",
    "authenticated-read",
    "aws-exec-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
];

pub(crate) fn screen(operation: S3Operation, headers: &HeaderMap) -> Result<(), S3Error> {
    refuse(headers, &["x-amz-expected-bucket-owner"])?;
    match operation {
        S3Operation::GetObject | S3Operation::HeadObject => customer_keys(headers, "x-amz-", Side::Read),
        S3Operation::PutObject => {
            refuse(headers, UPLOADS)?;
            chunked(headers)?;
            write(headers)
        }
        S3Operation::CreateMultipartUpload => {
            full_object_crc(headers)?;
            write(headers)
        }
        S3Operation::CopyObject => {
            refuse(headers, COPIES)?;
            write(headers)?;
            customer_keys(headers, "x-amz-copy-source-", Side::Read)
        }
        S3Operation::UploadPart => {
            refuse(headers, UPLOADS)?;
            chunked(headers)?;
            customer_keys(headers, "x-amz-", Side::Write)
        }
        S3Operation::UploadPartCopy => {
            refuse(headers, PART_COPIES)?;
            customer_keys(headers, "x-amz-", Side::Write)?;
            customer_keys(headers, "x-amz-copy-source-", Side::Read)
        }
        S3Operation::DeleteObject | S3Operation::DeleteObjects => refuse(headers, DELETES),
        _ => Ok(()),
    }
}

fn write(headers: &HeaderMap) -> Result<(), S3Error> {
    refuse(headers, WRITES)?;
    // R2 encrypts with AES256 in any case.
    refuse_unless(headers, "x-amz-server-side-encryption", &["AES256"])?;
    // R2 has no ACLs: the canned ones change nothing.
    refuse_unless(headers, "x-amz-acl", CANNED_ACLS)?;
    customer_keys(headers, "x-amz-", Side::Write)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<std::borrow::Cow<'a, str>> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()))
}

fn refuse(headers: &HeaderMap, names: &[&str]) -> Result<(), S3Error> {
    match names.iter().find_map(|name| Some((name, text(headers, name)?))) {
        Some((name, value)) => Err(S3Error::header_not_implemented(name, &value)),
        None => Ok(()),
    }
}

fn refuse_unless(headers: &HeaderMap, name: &str, allowed: &[&str]) -> Result<(), S3Error> {
    match text(headers, name) {
        Some(value) if !allowed.contains(&&*value) => Err(S3Error::header_not_implemented(name, &value)),
        _ => Ok(()),
    }
}

fn chunked(headers: &HeaderMap) -> Result<(), S3Error> {
    match text(headers, "content-encoding") {
        Some(value) if value.split(',').any(|coding| coding.trim() == "aws-chunked") => {
            Err(S3Error::header_not_implemented("content-encoding", &value))
        }
        _ => Ok(()),
    }
}

/// R2 combines the CRCs of parts for CRC-64/NVME only.
fn full_object_crc(headers: &HeaderMap) -> Result<(), S3Error> {
    let of_whole = text(headers, "x-amz-checksum-type").filter(|value| value == "FULL_OBJECT");
    match (of_whole, text(headers, "x-amz-checksum-algorithm")) {
        (Some(value), Some(algorithm)) if !algorithm.eq_ignore_ascii_case("CRC64NVME") => {
            Err(S3Error::header_not_implemented("x-amz-checksum-type", &value))
        }
        _ => Ok(()),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// The object is not encrypted so: R2 says that the key does not apply.
    Read,
    /// R2 would encrypt; this server does not, and must not keep in the clear what the client wants encrypted.
    Write,
}

/// Encryption with the customer's key (SSE-C): three headers that come together.
fn customer_keys(headers: &HeaderMap, prefix: &str, side: Side) -> Result<(), S3Error> {
    let name = |suffix: &str| format!("{prefix}server-side-encryption-customer-{suffix}");
    let (algorithm, key, md5) = (
        text(headers, &name("algorithm")),
        headers.contains_key(name("key")),
        headers.contains_key(name("key-md5")),
    );
    if algorithm.is_none() && !key && !md5 {
        return Ok(());
    }
    let incomplete = |what: &str| {
        Err(S3Error::invalid_argument(format!(
            "Requests specifying Server Side Encryption with Customer provided keys must provide {what}."
        )))
    };
    if !key {
        return incomplete("an appropriate secret key");
    }
    if !md5 {
        return incomplete("the client calculated MD5 of the secret key");
    }
    let Some(algorithm) = algorithm else {
        return incomplete("a valid encryption algorithm");
    };
    if algorithm != "AES256" {
        return Err(S3Error::new(
            INVALID_ENCRYPTION_ALGORITHM_ERROR,
            "The encryption request that you specified is not valid. The valid value is AES256.",
        ));
    }
    Err(match side {
        Side::Read => {
            S3Error::new(INVALID_REQUEST, "The encryption parameters are not applicable to this object.")
        }
        Side::Write => S3Error::header_not_implemented(&name("algorithm"), &algorithm),
    })
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn headers_are_refused_where_r2_refuses_them() {
        use S3Operation::{
            CopyObject, CreateMultipartUpload, DeleteObject, GetObject, PutObject, UploadPartCopy,
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
            (CopyObject, "x-amz-checksum-algorithm", "CRC32", Some("NotImplemented")),
            (CreateMultipartUpload, "x-amz-checksum-algorithm", "CRC32", None),
            (UploadPartCopy, "x-amz-copy-source-if-match", "x", Some("NotImplemented")),
        ] {
            let headers =
                HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))]);
            let refused = screen(operation, &headers).err().map(|error| error.code);
            assert_eq!(refused, code, "{operation:?} {name}: {value}");
        }
    }
}
