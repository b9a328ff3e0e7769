//! The input of a case.

use std::any::Any;
use std::sync::Arc;

use cloudflare_clients::r2::{ChecksumAlgorithm, R2Service};

/// The input of a case.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// A service over a bucket that no other case changes.
    pub service: R2Service,
    /// A service over a missing bucket, if the backend can have one.
    pub missing_bucket: Option<R2Service>,
    /// A service over another bucket of the same account, if the case can have one.
    pub other: Option<R2Service>,
    /// The features that the backend lacks. Each of them must fail with `Unsupported`.
    pub lacks: Lacks,
    /// Whether the backend is Cloudflare's simulator Miniflare instead of R2: it does not convert keys to
    /// NFC, has no storage classes, and accepts any cursor.
    pub simulated: bool,
    /// Whether pages before the last one may be incomplete or empty.
    pub short_pages: bool,
    /// Values that have to live as long as the case, such as a temporary folder.
    pub holds: Option<Arc<dyn Any + Send + Sync>>,
}

/// The features that a backend lacks.
#[expect(clippy::struct_excessive_bools, reason = "the features are independent")]
#[derive(Debug, Clone, Default)]
pub struct Lacks {
    /// Copying.
    pub copy: bool,
    /// Listing the parts of an upload, and listing uploads.
    pub list_parts: bool,
    /// Conditions for completing an upload.
    pub conditional_complete: bool,
    /// Checksums of a whole multipart upload, and reading the parts of an object.
    pub multipart_checksums: bool,
    /// The CORS policy of the bucket.
    pub cors: bool,
    /// The lifecycle policy of the bucket.
    pub lifecycle: bool,
    /// Creating, listing and deleting buckets.
    pub buckets: bool,
    /// Checksum algorithms for puts.
    pub checksums: Vec<ChecksumAlgorithm>,
}
