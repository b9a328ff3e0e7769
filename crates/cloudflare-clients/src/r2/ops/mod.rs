//! The operations of [`R2Service`](super::R2Service) and [`Buckets`](super::Buckets), one per file.

mod abort_multipart_upload;
mod bucket_location;
mod complete_multipart_upload;
mod copy;
mod cors;
mod create_bucket;
mod create_multipart_upload;
mod delete;
mod delete_bucket;
mod delete_many;
mod get;
mod head;
mod head_bucket;
mod http_request;
mod lifecycle;
mod list;
mod list_buckets;
mod list_multipart_uploads;
mod list_parts;
mod multipart_upload;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod parts_in_flight;
mod put;
#[cfg(not(target_arch = "wasm32"))]
mod put_in_parts;
mod put_whole;
mod resumable_upload;
pub(crate) mod setters;
mod upload_part;
mod upload_part_copy;

pub use self::abort_multipart_upload::AbortMultipartUpload;
pub use self::bucket_location::BucketLocation;
pub use self::complete_multipart_upload::CompleteMultipartUpload;
pub use self::copy::CopyObject;
pub use self::create_bucket::CreateBucket;
pub use self::create_multipart_upload::CreateMultipartUpload;
pub use self::delete::Delete;
pub use self::delete_bucket::DeleteBucket;
pub use self::delete_many::DeleteMany;
pub use self::get::Get;
pub use self::head::Head;
pub use self::head_bucket::HeadBucket;
pub use self::list::List;
pub use self::list_buckets::ListBuckets;
pub use self::list_multipart_uploads::ListMultipartUploads;
pub use self::list_parts::ListParts;
pub use self::multipart_upload::MultipartUpload;
pub use self::put::Put;
#[cfg(not(target_arch = "wasm32"))]
pub use self::put_in_parts::STREAM_PART_SIZE;
pub use self::resumable_upload::{RESUMABLE_PART_SIZE, ResumableUpload, UploadState};
pub use self::upload_part::UploadPart;
pub use self::upload_part_copy::UploadPartCopy;
