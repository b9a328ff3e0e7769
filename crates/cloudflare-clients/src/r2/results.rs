//! Results: what operations return.

pub use super::ops::UploadState;
pub use crate::client::outcomes::Outcomes;
pub use crate::model::r2::{
    BucketInfo, BucketsPage, CorsMatch, CorsMismatch, CorsRefusal, CreatedMultipartUpload, ListPage,
    MultipartUploadSummary, MultipartUploadsPage, Object, ObjectBody, ObjectChecksum, ObjectMetadata,
    PartsPage, R2Action, R2CopySource, R2Event, R2EventObject, ServedRange, StoredObject, UploadedPart,
};
pub use crate::signing::{SignedUrl, TempCredentials};
