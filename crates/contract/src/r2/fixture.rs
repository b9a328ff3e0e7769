//! What a case runs against.

use std::any::Any;
use std::sync::Arc;

use cloudflare_clients::r2::{ChecksumAlgorithm, R2Service};

/// What a case runs against.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// A service over a bucket that no other case is changing.
    pub service: R2Service,
    /// A service over a bucket that does not exist, where the backend can have one.
    pub missing_bucket: Option<R2Service>,
    /// A service over another bucket of the same account, where the case may have one.
    pub other: Option<R2Service>,
    /// What the backend does not have; each must then be `Unsupported`.
    pub lacks: Lacks,
    /// Whether the backend is Cloudflare's simulator, Miniflare, in place of R2: it knows no NFC forms of
    /// keys and no storage classes, and takes any cursor.
    pub simulated: bool,
    /// Whether pages may have fewer entries than there are, and none, before the last one.
    pub short_pages: bool,
    /// What has to live as long as the case, such as a temporary folder.
    pub holds: Option<Arc<dyn Any + Send + Sync>>,
}

/// What a backend does not have.
#[expect(clippy::struct_excessive_bools, reason = "each is by itself")]
#[derive(Debug, Clone, Default)]
pub struct Lacks {
    /// Copying.
    pub copy: bool,
    /// Listing the parts of an upload, and the uploads.
    pub list_parts: bool,
    /// Conditions on completing an upload.
    pub conditional_complete: bool,
    /// Checksums of the whole of an upload in parts, and reading the parts of an object.
    pub multipart_checksums: bool,
    /// The CORS policy of the bucket.
    pub cors: bool,
    /// The lifecycle policy of the bucket.
    pub lifecycle: bool,
    /// Creating, listing and deleting buckets.
    pub buckets: bool,
    /// Algorithms of checksums given with a put.
    pub checksums: Vec<ChecksumAlgorithm>,
}
