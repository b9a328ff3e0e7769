//! Parallel, verified transfers of files and streams. Interrupted file transfers can be resumed.
//!
//! | source or target | up | down |
//! |---|---|---|
//! | a file | [`R2Service::upload`] | [`R2Service::download`] |
//! | tokio's `AsyncRead`, `AsyncWrite` | [`R2Service::upload_reader`] | `tokio::io::copy` from a [`Reader`] |
//! | a folder | [`R2Service::upload_dir`], or [`sync`] | [`R2Service::download_dir`], or [`sync`] |
//! | code that writes or reads | [`R2Service::writer`], a [`Writer`] | [`R2Service::reader`], a [`Reader`] |
//!
//! [`R2Service::copy_object`] copies one object, and [`sync`] copies all objects below a prefix.
//!
//! [`R2Service::copy_object`]: crate::r2::R2Service::copy_object
//! [`R2Service::upload_dir`]: crate::r2::R2Service::upload_dir
//! [`R2Service::download_dir`]: crate::r2::R2Service::download_dir
//! [`R2Service::upload`]: crate::r2::R2Service::upload
//! [`R2Service::download`]: crate::r2::R2Service::download
//! [`R2Service::upload_reader`]: crate::r2::R2Service::upload_reader
//! [`R2Service::writer`]: crate::r2::R2Service::writer
//! [`R2Service::reader`]: crate::r2::R2Service::reader
//!
//! - **Pieces.** Large files are uploaded in equal parts and downloaded in equal ranges, a few in parallel.
//!   The bytes are streamed from and to the file and are not held in memory. For streams, a few pieces are
//!   held in memory.
//! - **Verification.** The CRC-64/NVME of each piece is computed as it passes. The checksums of the pieces
//!   combine to that of the whole object, which is compared with the checksum that the service has.
//!   [`Verified`] says which checksum was compared.
//! - **Resume** (files only). A small file, the journal, records which pieces have arrived. The same call
//!   resumes from it, also in another process and on another day. If the local file has changed or the object
//!   was replaced, the transfer restarts, and the result says so. Two transfers cannot share a journal: the
//!   second fails with [`ErrorKind::Conflict`](crate::ErrorKind).
//! - **Pace.** A transfer starts with four concurrent pieces and adds more while they succeed, up to its
//!   `concurrency`. If the service answers 429 or 503, the whole transfer waits as long as the service asks,
//!   and continues with half as many.
//! - **Rate.** A transfer can be limited to a number of bytes per second. Several transfers can share a
//!   [`RateLimit`].
//!
//! ```
//! # use cloudflare_clients::{LocalBucket, r2::R2Service};
//! use cloudflare_clients::transfer::Verified;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let [film, copy, journals] = ["film", "copy", "journals"].map(|name| folder.path().join(name));
//! # std::fs::write(&film, vec![7; 12 << 20]).unwrap();
//! # let r2 = R2Service::new(LocalBucket::open(folder.path().join("store"), "media").await?);
//! let uploaded = r2
//!     .upload(&film, "creator-123/film.mp4")
//!     .content_type("video/mp4")
//!     .part_size(5 << 20)
//!     .journal(&journals)
//!     .await?;
//! assert_eq!(uploaded.verified, Verified::Crc64);
//!
//! if let Some(downloaded) = r2.download("creator-123/film.mp4", &copy).await? {
//!     assert_eq!((downloaded.object.size, downloaded.verified), (12 << 20, Verified::Crc64));
//! }
//! # assert!(std::fs::read(&film).unwrap() == std::fs::read(&copy).unwrap());
//! # Ok(()) }
//! ```

mod begun_upload;
mod blocking;
mod content_type;
mod copy;
mod copy_route;
mod copy_through;
mod download;
mod file_identity;
mod get_range;
mod in_order_md5;
mod io_error;
mod journal;
mod key_pattern;
mod modified_time;
mod object_checksum;
mod part_buffer;
mod partial_file;
mod pieces;
mod proof;
mod rate;
mod read_checksums;
mod read_proof;
mod reader;
mod small_file;
mod stream_upload;
mod tally;
mod tree;
mod unanswered;
mod upload;
mod upload_journal;
mod upload_reader;
mod verified_upload;
mod writer;

pub use self::content_type::guess_content_type;
pub use self::copy::{Copied, CopySource, ObjectCopy};
pub use self::download::{Download, Downloaded};
pub use self::key_pattern::KeyPattern;
pub use self::proof::Verified;
pub use self::rate::RateLimit;
pub use self::reader::{Reader, ReaderBuilder};
pub use self::stream_upload::DEFAULT_STREAM_PART_SIZE;
pub use self::tree::{Compare, DeletePrefix, Tree, TreeEvent, TreeProgress, TreeReport, TreeTransfer, sync};
pub use self::upload::{Upload, Uploaded};
pub use self::upload_reader::UploadReader;
pub use self::writer::{Writer, WriterBuilder};

/// Number of pieces that a transfer has in flight, by default.
pub const DEFAULT_CONCURRENCY: usize = 8;
