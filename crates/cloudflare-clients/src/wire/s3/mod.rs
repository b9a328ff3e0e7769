//! [R2's S3 API](https://developers.cloudflare.com/r2/api/s3/api/) without I/O: writes requests and parses
//! answers.
//!
//! There is a file for each operation: `request` creates the [`Request`], [`Request::sign`] converts it to
//! the HTTP request, and `parse` parses the [`Response`]. [`headers`], [`xml`], [`xml_checksums`],
//! [`cors_configuration`], [`lifecycle_configuration`] and [`error_code`] work in both directions, and
//! servers can use them too.
//!
//! Semantic versioning does not cover this module: it is for servers and tools and follows the protocol, so
//! it may change in a minor version, and before 1.0 in a patch. If you build on it, pin the version with `=`.

pub mod abort_multipart_upload;
pub mod complete_multipart_upload;
pub mod copy_object;
pub mod cors_configuration;
pub mod create_bucket;
pub mod create_multipart_upload;
mod customer_key;
pub mod delete_bucket;
pub mod delete_bucket_cors;
pub mod delete_bucket_lifecycle;
pub mod delete_object;
pub mod delete_objects;
pub mod endpoint;
pub mod error_code;
pub mod get_bucket_cors;
pub mod get_bucket_lifecycle;
pub mod get_bucket_location;
pub mod get_object;
pub mod head_bucket;
pub mod head_object;
pub mod headers;
pub mod lifecycle_configuration;
pub mod list_buckets;
pub mod list_multipart_uploads;
pub mod list_objects_v2;
pub mod list_parts;
pub mod put_bucket_cors;
pub mod put_bucket_lifecycle;
pub mod put_object;
mod request;
mod response;
mod rfc2047;
pub mod session_token;
pub mod upload_part;
pub mod upload_part_copy;
pub mod xml;
pub mod xml_checksums;

#[cfg(test)]
mod goldens;

pub use request::Request;
pub use response::Response;
