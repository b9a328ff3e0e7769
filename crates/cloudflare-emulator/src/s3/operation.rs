//! The S3 operation of a request, from its method, path and query.

use std::collections::HashSet;

use http::{HeaderMap, Method};

use crate::s3::error::S3Error;
use crate::s3::known_error::ROUTE_NOT_FOUND;
use crate::s3::resource::S3Resource;
use crate::uri::Query;

/// Defines the enum, and the list of all operations for tests.
macro_rules! operations {
    ($($(#[$attribute:meta])* $name:ident,)*) => {
        /// The operations of R2 that this server supports. `Debug` returns S3's name.
        ///
        /// See [R2's S3 API compatibility](https://developers.cloudflare.com/r2/api/s3/api/).
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum S3Operation {
            $($(#[$attribute])* $name,)*
        }

        impl S3Operation {
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

operations! {
    ListBuckets,
    HeadBucket,
    CreateBucket,
    DeleteBucket,
    GetBucketLocation,
    GetBucketEncryption,
    PutBucketEncryption,
    DeleteBucketEncryption,
    GetBucketVersioning,
    GetBucketTagging,
    GetBucketCors,
    PutBucketCors,
    DeleteBucketCors,
    GetBucketLifecycleConfiguration,
    PutBucketLifecycleConfiguration,
    DeleteBucketLifecycle,
    GetObjectLockConfiguration,
    GetBucketReplication,
    ListObjects,
    ListObjectsV2,
    ListMultipartUploads,
    DeleteObjects,
    /// Any other POST: R2 returns 200 and does nothing.
    PostBucket,
    HeadObject,
    GetObject,
    PutObject,
    CopyObject,
    DeleteObject,
    CreateMultipartUpload,
    UploadPart,
    UploadPartCopy,
    CompleteMultipartUpload,
    AbortMultipartUpload,
    ListParts,
}

/// Maximum number of parameters that an error names.
const MAX_NAMED: usize = 20;

/// Operations that R2 recognizes but does not support, by query parameter, with R2's names.
type Unimplemented = &'static [(&'static str, &'static str)];

const GET_BUCKET: Unimplemented = &[
    ("accelerate", "GetBucketAccelerateConfiguration"),
    ("acl", "GetBucketAcl"),
    ("analytics", "GetBucketAnalyticsConfiguration"),
    ("intelligent-tiering", "GetBucketIntelligentTieringConfiguration"),
    ("inventory", "GetBucketInventoryConfiguration"),
    ("logging", "GetBucketLogging"),
    ("metrics", "GetBucketMetricsConfiguration"),
    ("notification", "GetBucketNotificationConfiguration"),
    ("ownershipControls", "GetBucketOwnershipControls"),
    ("policy", "GetBucketPolicy"),
    // R2's own spelling.
    ("policyStatus", "GetGetBucketPolicyStatus"),
    ("publicAccessBlock", "GetPublicAccessBlock"),
    ("requestPayment", "GetBucketRequestPayment"),
    ("versions", "ListObjectVersions"),
    ("website", "GetBucketWebsite"),
];

const PUT_BUCKET: Unimplemented = &[
    ("accelerate", "PutBucketAccelerateConfiguration"),
    ("acl", "PutBucketAcl"),
    ("analytics", "PutBucketAnalyticsConfiguration"),
    ("intelligent-tiering", "PutBucketIntelligentTieringConfiguration"),
    ("inventory", "PutBucketInventoryConfiguration"),
    ("logging", "PutBucketLogging"),
    ("metrics", "PutBucketMetricsConfiguration"),
    ("notification", "PutBucketNotificationConfiguration"),
    ("object-lock", "PutObjectLockConfiguration"),
    ("ownershipControls", "PutBucketOwnershipControls"),
    ("policy", "PutBucketPolicy"),
    ("publicAccessBlock", "PutPublicAccessBlock"),
    ("replication", "PutBucketReplication"),
    ("requestPayment", "PutBucketRequestPayment"),
    ("tagging", "PutBucketTagging"),
    ("versioning", "PutBucketVersioning"),
    ("website", "PutBucketWebsite"),
];

const DELETE_BUCKET: Unimplemented = &[
    ("analytics", "DeleteBucketAnalyticsConfiguration"),
    ("intelligent-tiering", "DeleteBucketIntelligentTieringConfiguration"),
    ("inventory", "DeleteBucketInventoryConfiguration"),
    ("metrics", "DeleteBucketMetricsConfiguration"),
    ("ownershipControls", "DeleteBucketOwnershipControls"),
    ("policy", "DeleteBucketPolicy"),
    ("replication", "DeleteBucketReplication"),
    ("tagging", "DeleteBucketTagging"),
    ("website", "DeleteBucketWebsite"),
];

const GET_OBJECT: Unimplemented = &[
    ("acl", "GetObjectAcl"),
    ("attributes", "GetObjectAttributes"),
    ("legal-hold", "GetObjectLegalHold"),
    ("retention", "GetObjectRetention"),
    ("tagging", "GetObjectTagging"),
    ("torrent", "GetObjectTorrent"),
];

const PUT_OBJECT: Unimplemented = &[
    ("acl", "PutObjectAcl"),
    ("legal-hold", "PutObjectLegalHold"),
    ("retention", "PutObjectRetention"),
    ("tagging", "PutObjectTagging"),
];

/// Properties of a bucket in R2, by query parameter.
const BUCKET_READS: &[(&str, S3Operation)] = &[
    ("location", S3Operation::GetBucketLocation),
    ("encryption", S3Operation::GetBucketEncryption),
    ("versioning", S3Operation::GetBucketVersioning),
    ("tagging", S3Operation::GetBucketTagging),
    ("cors", S3Operation::GetBucketCors),
    ("lifecycle", S3Operation::GetBucketLifecycleConfiguration),
    ("object-lock", S3Operation::GetObjectLockConfiguration),
    ("replication", S3Operation::GetBucketReplication),
    ("uploads", S3Operation::ListMultipartUploads),
];

impl S3Operation {
    pub(crate) fn detect(
        method: &Method,
        resource: &S3Resource,
        query: &Query,
        headers: &HeaderMap,
    ) -> Result<Self, S3Error> {
        match resource {
            S3Resource::Account if method == Method::GET => Ok(Self::ListBuckets),
            S3Resource::Account => Err(ROUTE_NOT_FOUND.into()),
            S3Resource::Bucket(_) => Self::on_bucket(method, query),
            S3Resource::Object { .. } => Self::on_object(method, query, headers),
        }
    }

    /// Whether it creates, replaces or deletes its object.
    pub(crate) fn replaces_object(self) -> bool {
        matches!(
            self,
            Self::PutObject | Self::CopyObject | Self::CompleteMultipartUpload | Self::DeleteObject
        )
    }

    fn on_bucket(method: &Method, query: &Query) -> Result<Self, S3Error> {
        match *method {
            Method::GET => Self::get_bucket(query),
            Method::HEAD => Ok(Self::HeadBucket),
            Method::PUT if query.has("encryption") => Ok(Self::PutBucketEncryption),
            Method::PUT if query.has("cors") => Ok(Self::PutBucketCors),
            Method::PUT if query.has("lifecycle") => Ok(Self::PutBucketLifecycleConfiguration),
            Method::PUT => {
                refuse(query, PUT_BUCKET)?;
                refuse_any("PUT", query)?;
                Ok(Self::CreateBucket)
            }
            Method::DELETE if query.has("encryption") => Ok(Self::DeleteBucketEncryption),
            Method::DELETE if query.has("cors") => Ok(Self::DeleteBucketCors),
            Method::DELETE if query.has("lifecycle") => Ok(Self::DeleteBucketLifecycle),
            Method::DELETE => {
                refuse(query, DELETE_BUCKET)?;
                refuse_any("DELETE", query)?;
                Ok(Self::DeleteBucket)
            }
            Method::POST if query.has("delete") => Ok(Self::DeleteObjects),
            Method::POST => Ok(Self::PostBucket),
            _ => Err(ROUTE_NOT_FOUND.into()),
        }
    }

    fn get_bucket(query: &Query) -> Result<Self, S3Error> {
        if let Some((_, operation)) = BUCKET_READS.iter().find(|(name, _)| query.has(name)) {
            return Ok(*operation);
        }
        refuse(query, GET_BUCKET)?;
        let operation = match query.get("list-type") {
            Some("2") => Self::ListObjectsV2,
            Some(other) => {
                return Err(S3Error::not_implemented(format!("list-type {other:?} not implemented")));
            }
            None if query.has("continuation-token") => {
                return Err(S3Error::invalid_argument(
                    "continuation-token is a parameter of ListObjectsV2: send list-type=2 with it",
                ));
            }
            None => Self::ListObjects,
        };
        match counting_names(query).find(|name| !operation.reads_parameter(name)) {
            Some(unknown) => Err(S3Error::parameter_not_implemented(operation, unknown)),
            None => Ok(operation),
        }
    }

    /// Like R2, ignores subresources that it does not know for the method.
    fn on_object(method: &Method, query: &Query, headers: &HeaderMap) -> Result<Self, S3Error> {
        let copies = headers.contains_key("x-amz-copy-source");
        match *method {
            Method::GET if query.has("uploadId") => Ok(Self::ListParts),
            Method::GET if query.has("uploads") => Ok(Self::ListMultipartUploads),
            Method::GET => refuse(query, GET_OBJECT).map(|()| Self::GetObject),
            Method::HEAD => Ok(Self::HeadObject),
            Method::PUT => {
                refuse(query, PUT_OBJECT)?;
                Ok(match query.has("uploadId") && query.has("partNumber") {
                    true if copies => Self::UploadPartCopy,
                    true => Self::UploadPart,
                    false if copies => Self::CopyObject,
                    false => Self::PutObject,
                })
            }
            Method::POST if query.has("uploads") => Ok(Self::CreateMultipartUpload),
            Method::POST if query.has("uploadId") => Ok(Self::CompleteMultipartUpload),
            Method::POST => Ok(Self::PutObject),
            Method::DELETE if query.has("uploadId") => Ok(Self::AbortMultipartUpload),
            Method::DELETE => Ok(Self::DeleteObject),
            _ => Err(ROUTE_NOT_FOUND.into()),
        }
    }
}

fn refuse(query: &Query, unimplemented: Unimplemented) -> Result<(), S3Error> {
    let named =
        counting_names(query).find_map(|name| unimplemented.iter().find(|(parameter, _)| *parameter == name));
    match named {
        Some((_, operation)) => Err(S3Error::not_implemented(format!("{operation} not implemented"))),
        None => Ok(()),
    }
}

fn refuse_any(method: &str, query: &Query) -> Result<(), S3Error> {
    let mut seen = HashSet::new();
    let names = counting_names(query).filter(|name| seen.insert(*name));
    let names: Vec<String> = names.take(MAX_NAMED).map(|name| format!("{name:?}")).collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(S3Error::invalid_argument(format!(
        "Unsupported search param(s) {} on a {method} bucket route",
        names.join(", ")
    )))
}

/// Returns the parameters of the query, except for those of signatures and those that R2 ignores.
fn counting_names(query: &Query) -> impl Iterator<Item = &str> {
    let ignored = |name: &str| name.starts_with("X-Amz-") || name == "x-id" || name == "x-purpose";
    query.names().filter(move |name| !ignored(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(method: &str, target: &str, copies: bool) -> Result<S3Operation, String> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers = HeaderMap::new();
        if copies {
            headers.insert("x-amz-copy-source", http::HeaderValue::from_static("/a/b"));
        }
        S3Operation::detect(
            &method.parse().unwrap(),
            &S3Resource::parse(None, path).unwrap(),
            &Query::parse(query).unwrap(),
            &headers,
        )
        .map_err(|error| error.code.to_owned())
    }

    #[test]
    fn requests_are_told_apart() {
        for (method, target, copies, operation) in [
            ("GET", "/", false, S3Operation::ListBuckets),
            ("GET", "/media", false, S3Operation::ListObjects),
            ("GET", "/media/?prefix=a&x-id=ListObjects", false, S3Operation::ListObjects),
            ("GET", "/media?list-type=2", false, S3Operation::ListObjectsV2),
            ("GET", "/media?uploads", false, S3Operation::ListMultipartUploads),
            ("PUT", "/media", false, S3Operation::CreateBucket),
            ("PUT", "/media?encryption", false, S3Operation::PutBucketEncryption),
            ("DELETE", "/media?encryption", false, S3Operation::DeleteBucketEncryption),
            ("PUT", "/media?cors", false, S3Operation::PutBucketCors),
            ("DELETE", "/media?cors=", false, S3Operation::DeleteBucketCors),
            ("PUT", "/media?lifecycle", false, S3Operation::PutBucketLifecycleConfiguration),
            ("DELETE", "/media?lifecycle=", false, S3Operation::DeleteBucketLifecycle),
            ("POST", "/media?delete", false, S3Operation::DeleteObjects),
            ("POST", "/media", false, S3Operation::PostBucket),
            ("GET", "/media/k?response-content-type=a", false, S3Operation::GetObject),
            ("DELETE", "/media/k?tagging", false, S3Operation::DeleteObject),
            ("PUT", "/media/k", true, S3Operation::CopyObject),
            ("PUT", "/media/k?uploadId=u", false, S3Operation::PutObject),
            ("PUT", "/media/k?uploadId=u&partNumber=1", false, S3Operation::UploadPart),
            ("PUT", "/media/k?uploadId=u&partNumber=1", true, S3Operation::UploadPartCopy),
            ("POST", "/media/k", true, S3Operation::PutObject),
            ("POST", "/media/k?uploads", false, S3Operation::CreateMultipartUpload),
        ] {
            assert_eq!(detect(method, target, copies), Ok(operation), "{method} {target}");
        }
    }

    #[test]
    fn what_r2_does_not_have_is_refused_by_name() {
        for (method, target, code) in [
            ("GET", "/media?list-type=2&foo=1", "NotImplemented"),
            ("GET", "/media?continuation-token=x", "InvalidArgument"),
            ("GET", "/media?policy", "NotImplemented"),
            ("GET", "/media?acl", "NotImplemented"),
            ("PUT", "/media?foo", "InvalidArgument"),
            ("PUT", "/media?acl", "NotImplemented"),
            ("DELETE", "/media?foo", "InvalidArgument"),
            ("GET", "/media/k?tagging", "NotImplemented"),
            ("PATCH", "/media/k", "RouteNotFound"),
            ("PUT", "/", "RouteNotFound"),
        ] {
            assert_eq!(detect(method, target, false), Err(code.to_owned()), "{method} {target}");
        }
    }
}
