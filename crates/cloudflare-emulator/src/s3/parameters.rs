//! Treatment of each header and query parameter, by operation. An operation gets only those that this table
//! says it reads.

use Treatment::{Honoured, Ignored, Only, Refused};

use crate::s3::operation::S3Operation;

/// Treatment of a header or query parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// Read by the operation or by its screening.
    Honoured,
    /// Refused with 501, whatever its value.
    Refused,
    /// Refused with 501, except for these values, which are the default behavior.
    Only(&'static [&'static str]),
    /// Ignored, for this reason, which is also in `docs/fidelity.md`.
    Ignored(&'static str),
}

/// Names with their treatment. A leading `?` marks a query parameter; a trailing `*` matches all names with
/// the prefix.
type Parameters = (&'static [&'static str], Treatment);

const EVERYWHERE: &[Parameters] = &[
    (&["x-amz-expected-bucket-owner"], Refused),
    (&["x-amz-request-payer"], Ignored("nobody is charged")),
    (
        &["x-amz-sdk-checksum-algorithm"],
        Ignored("it names the checksum that comes with it, which is compared in any case"),
    ),
];

const CONDITIONS: Parameters =
    (&["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"], Honoured);

const CUSTOMER_KEY: Parameters = (
    &[
        "x-amz-server-side-encryption-customer-algorithm",
        "x-amz-server-side-encryption-customer-key",
        "x-amz-server-side-encryption-customer-key-md5",
    ],
    Honoured,
);

const BODY: &[Parameters] =
    &[(&["content-length", "content-md5"], Honoured), (CHECKSUMS, Honoured), (OTHER_CHECKSUMS, Refused)];
const CHECKSUMS: &[&str] = &[
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
];
const OTHER_CHECKSUMS: &[&str] = &[
    "x-amz-checksum-md5",
    "x-amz-checksum-sha512",
    "x-amz-checksum-xxhash64",
    "x-amz-checksum-xxhash3",
    "x-amz-checksum-xxhash128",
];

const READ: &[Parameters] = &[
    CONDITIONS,
    CUSTOMER_KEY,
    (&["range", "if-range", "?partNumber"], Honoured),
    (
        &[
            "?response-cache-control",
            "?response-content-disposition",
            "?response-content-encoding",
            "?response-content-language",
            "?response-content-type",
            "?response-expires",
        ],
        Honoured,
    ),
    // The version that a PutObject has said, or none.
    (&["?versionId"], Honoured),
    (&["x-amz-checksum-mode"], Ignored("a whole object's checksums are returned in any case")),
];

/// R2 has no versions. The version id that AWS uses for an object without versions is accepted.
const VERSION: Parameters = (&["?versionId"], Only(&["", "null"]));

/// Metadata that is stored with an object, and metadata that R2 does not store.
const WRITE: &[Parameters] = &[
    (
        &[
            "cache-control",
            "content-disposition",
            "content-encoding",
            "content-language",
            "content-type",
            "expires",
            "x-amz-meta-*",
            "x-amz-storage-class",
        ],
        Honoured,
    ),
    CUSTOMER_KEY,
    // R2 has no ACLs: the canned ones change nothing.
    (&["x-amz-acl"], Only(CANNED_ACLS)),
    // R2 encrypts with AES256 in any case.
    (&["x-amz-server-side-encryption"], Only(&["AES256"])),
    (GRANTS, Refused),
    (
        &[
            "x-amz-tagging",
            "x-amz-website-redirect-location",
            "x-amz-object-lock-mode",
            "x-amz-object-lock-retain-until-date",
            "x-amz-object-lock-legal-hold",
            "x-amz-object-lock-event-hold",
            "x-amz-object-lock-event-hold-duration-days",
            "x-amz-object-lock-event-hold-duration-years",
            "x-amz-server-side-encryption-aws-kms-key-id",
            "x-amz-server-side-encryption-context",
            "x-amz-server-side-encryption-bucket-key-enabled",
        ],
        Refused,
    ),
];
const GRANTS: &[&str] = &[
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write",
    "x-amz-grant-write-acp",
];
const CANNED_ACLS: &[&str] = &[
    "private",
    "public-read",
    "public-read-write",
    "authenticated-read",
    "aws-exec-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
];

/// R2 does not accept `aws-chunked` bodies, so there are no trailers.
const UPLOAD: &[Parameters] = &[(&["x-amz-trailer", "x-amz-decoded-content-length"], Refused)];

const COPY_SOURCE: &[Parameters] = &[
    (
        &[
            "x-amz-copy-source",
            "x-amz-copy-source-server-side-encryption-customer-algorithm",
            "x-amz-copy-source-server-side-encryption-customer-key",
            "x-amz-copy-source-server-side-encryption-customer-key-md5",
        ],
        Honoured,
    ),
    (&["x-amz-source-expected-bucket-owner"], Refused),
];
const COPY_SOURCE_CONDITIONS: &[&str] = &[
    "x-amz-copy-source-if-match",
    "x-amz-copy-source-if-none-match",
    "x-amz-copy-source-if-modified-since",
    "x-amz-copy-source-if-unmodified-since",
];

const CREATE_IF_MISSING: Parameters = (&["cf-create-bucket-if-missing"], Honoured);
const PART: Parameters = (&["?partNumber", "?uploadId"], Honoured);
const UPLOAD_ID: Parameters = (&["?uploadId"], Honoured);
const DELETE: Parameters = (&["x-amz-mfa", "x-amz-bypass-governance-retention"], Refused);
const LISTING: &[Parameters] = &[
    (&["?delimiter", "?encoding-type", "?prefix"], Honoured),
    (&["x-amz-optional-object-attributes"], Ignored("no object has been restored from an archive")),
];

impl S3Operation {
    /// Returns the treatment of the headers and parameters of this operation, in groups.
    fn parameters(self) -> &'static [&'static [Parameters]] {
        match self {
            Self::ListBuckets => &[&[
                (
                    &[
                        "?prefix",
                        "?start-after",
                        "?continuation-token",
                        "?max-keys",
                        "?max-buckets",
                        "cf-prefix",
                        "cf-start-after",
                        "cf-continuation-token",
                        "cf-max-keys",
                    ],
                    Honoured,
                ),
                (&["?bucket-region"], Ignored("all buckets are in the one region, `auto`")),
            ]],
            Self::CreateBucket => &[
                BODY,
                &[
                    (&["x-amz-storage-class"], Honoured),
                    (&["x-amz-acl"], Only(CANNED_ACLS)),
                    (GRANTS, Refused),
                    (&["x-amz-bucket-object-lock-enabled"], Only(&["false"])),
                    (&["x-amz-bucket-namespace"], Only(&["global"])),
                    (
                        &["x-amz-object-ownership"],
                        Ignored("without ACLs all objects are the bucket's owner's"),
                    ),
                ],
            ],
            Self::HeadBucket
            | Self::DeleteBucket
            | Self::GetBucketLocation
            | Self::GetBucketEncryption
            | Self::DeleteBucketEncryption
            | Self::GetBucketVersioning
            | Self::GetBucketTagging
            | Self::GetBucketCors
            | Self::DeleteBucketCors
            | Self::GetBucketLifecycleConfiguration
            | Self::DeleteBucketLifecycle
            | Self::GetObjectLockConfiguration
            | Self::GetBucketReplication
            | Self::PostBucket => &[],
            Self::PutBucketEncryption | Self::PutBucketCors => &[BODY],
            Self::PutBucketLifecycleConfiguration => &[
                BODY,
                &[(
                    &["x-amz-transition-default-minimum-object-size"],
                    Ignored("objects of every size are moved, as R2 has no least one"),
                )],
            ],
            Self::ListObjects => &[LISTING, &[(&["?marker", "?max-keys"], Honoured)]],
            Self::ListObjectsV2 => &[
                LISTING,
                &[(
                    &["?list-type", "?continuation-token", "?fetch-owner", "?start-after", "?max-keys"],
                    Honoured,
                )],
            ],
            Self::ListMultipartUploads => {
                &[LISTING, &[(&["?uploads", "?key-marker", "?max-uploads", "?upload-id-marker"], Honoured)]]
            }
            Self::DeleteObjects => &[BODY, &[DELETE]],
            Self::HeadObject | Self::GetObject => &[READ],
            Self::PutObject => &[
                WRITE,
                BODY,
                UPLOAD,
                &[CONDITIONS, CREATE_IF_MISSING, (&["x-amz-write-offset-bytes"], Refused)],
            ],
            Self::CopyObject => &[
                WRITE,
                COPY_SOURCE,
                &[
                    CONDITIONS,
                    (COPY_SOURCE_CONDITIONS, Honoured),
                    (&["cf-copy-destination-*", "x-amz-metadata-directive"], Honoured),
                    (
                        &[
                            "x-amz-tagging-directive",
                            "x-amz-object-annotation-directive",
                            "x-amz-checksum-algorithm",
                        ],
                        Refused,
                    ),
                ],
            ],
            Self::DeleteObject => &[&[
                CONDITIONS,
                DELETE,
                VERSION,
                (&["x-amz-if-match-last-modified-time", "x-amz-if-match-size"], Refused),
            ]],
            Self::CreateMultipartUpload => &[
                WRITE,
                &[
                    CONDITIONS,
                    CREATE_IF_MISSING,
                    (&["x-amz-checksum-algorithm", "x-amz-checksum-type"], Honoured),
                ],
            ],
            Self::UploadPart => &[BODY, UPLOAD, &[PART, CUSTOMER_KEY, (&["content-encoding"], Honoured)]],
            Self::UploadPartCopy => &[
                COPY_SOURCE,
                &[
                    PART,
                    CUSTOMER_KEY,
                    (COPY_SOURCE_CONDITIONS, Refused),
                    (&["x-amz-copy-source-range"], Honoured),
                ],
            ],
            Self::CompleteMultipartUpload => &[&[
                UPLOAD_ID,
                CONDITIONS,
                CUSTOMER_KEY,
                (&["host", "content-md5", "x-amz-mp-object-size"], Honoured),
                (CHECKSUMS, Honoured),
                (&["x-amz-checksum-type"], Honoured),
                (OTHER_CHECKSUMS, Refused),
            ]],
            Self::AbortMultipartUpload => &[&[UPLOAD_ID, (&["x-amz-if-match-initiated-time"], Refused)]],
            Self::ListParts => {
                &[&[UPLOAD_ID, CUSTOMER_KEY, (&["?max-parts", "?part-number-marker"], Honoured)]]
            }
        }
    }

    /// Returns all names of the table for this operation, with their treatment.
    pub(crate) fn treatments(self) -> impl Iterator<Item = (&'static str, Treatment)> {
        let groups = std::iter::once(EVERYWHERE).chain(self.parameters().iter().copied());
        groups.flatten().flat_map(|(names, treatment)| names.iter().map(move |name| (*name, *treatment)))
    }

    /// Returns the treatment of the header, or with a leading `?` of the query parameter, of this name.
    pub(crate) fn treatment_of(self, name: &str) -> Option<Treatment> {
        let is_meant = |known: &str| match known.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => name == known,
        };
        self.treatments().find(|(known, _)| is_meant(known)).map(|(_, treatment)| treatment)
    }

    /// Whether the operation reads this header.
    pub(crate) fn reads_header(self, name: &str) -> bool {
        self.treatment_of(name) == Some(Honoured)
    }

    /// Whether the operation reads this query parameter.
    pub(crate) fn reads_parameter(self, name: &str) -> bool {
        self.treatment_of(&format!("?{name}")) == Some(Honoured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AWS's operations with the names of what they take.
    fn documented() -> impl Iterator<Item = (S3Operation, Vec<&'static str>)> {
        let lines = include_str!("parameters/documented.txt").lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| {
            let (operation, names) = line.split_once(':').unwrap();
            let operation = S3Operation::ALL.iter().copied().find(|known| format!("{known:?}") == operation);
            (operation.unwrap(), names.split_whitespace().collect())
        })
    }

    #[test]
    fn something_becomes_of_all_that_aws_documents() {
        let mut operations = Vec::new();
        for (operation, names) in documented() {
            for name in names {
                assert!(operation.treatment_of(name).is_some(), "{operation:?} {name}");
            }
            operations.push(operation);
        }
        // It is R2's own.
        operations.push(S3Operation::PostBucket);
        assert!(S3Operation::ALL.iter().all(|operation| operations.contains(operation)));
    }

    #[test]
    fn a_name_has_one_treatment() {
        for operation in S3Operation::ALL.iter().copied() {
            let names: Vec<_> = operation.treatments().map(|(name, _)| name).collect();
            for (at, name) in names.iter().enumerate() {
                assert!(!names[..at].contains(name), "{operation:?} {name}");
                assert_eq!(*name, name.trim(), "{operation:?}");
            }
        }
    }

    #[test]
    fn what_is_ignored_is_in_the_documentation() {
        let fidelity = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/fidelity.md");
        let fidelity = std::fs::read_to_string(fidelity).unwrap();
        for (operation, name, treatment) in S3Operation::ALL.iter().flat_map(|operation| {
            operation.treatments().map(move |(name, treatment)| (operation, name, treatment))
        }) {
            let quoted = format!("`{}`", name.trim_start_matches('?'));
            if let Ignored(reason) = treatment {
                let is_said = fidelity.lines().any(|row| row.contains(&quoted) && row.contains(reason));
                assert!(is_said, "{operation:?} {name}: {reason}");
            }
        }
    }
}
