//! For tests of code that uses this crate: buckets and namespaces with scripted answers, and a clock that the
//! test advances.
//!
//! | to test with | use |
//! |---|---|
//! | a working bucket or namespace | [`LocalBucket`] or [`LocalNamespace`] in a temporary folder |
//! | one that fails, is slow, or gives chosen answers | [`MockBucket`] or [`MockNamespace`] |
//! | time that passes only when the test says so | [`ManualClock`] |
//! | a server with S3 and KV's REST API | the crate `cloudflare-emulator` |
//!
//! A mock works alone, or over a working bucket or namespace.
//!
//! [`LocalBucket`]: crate::LocalBucket
//! [`LocalNamespace`]: crate::LocalNamespace
//!
//! # Time
//!
//! A mock has its own [`ManualClock`]: [`MockBucket::clock`]. A [`LocalBucket`] uses the
//! clock of its store, set with [`LocalStore::open_with_runtime`](crate::LocalStore::open_with_runtime).
//! Everything without a clock uses [`TokioRuntime`](crate::TokioRuntime), whose timer and monotonic time are
//! Tokio's: `#[tokio::test(start_paused = true)]` works with it.
//!
//! - **Retries** take no time: a sleep advances the clock.
//! - **A deadline** passes when the clock is advanced far enough, by the test or by a slow mock (see
//!   [`Script::delays`]). A mock that never answers waits forever if nothing advances the clock.
//! - **A loop that sleeps**, such as a task that runs every minute, needs a clock whose [sleepers
//!   wait](ManualClock::sleepers_wait). The test advances that clock each time and lets the task run in
//!   between.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use cloudflare_clients::ErrorKind;
//! use cloudflare_clients::r2::R2Service;
//! use cloudflare_clients::testing::MockBucket;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let bucket = Arc::new(MockBucket::new());
//! bucket.head.answers(|_| std::future::pending());
//! let r2 = R2Service::new(bucket.clone()).with_deadline(Duration::from_secs(10));
//!
//! // The head is sent first. Then the clock is advanced.
//! let (answer, ()) = tokio::join!(r2.head("a.txt").into_future(), async {
//!     bucket.clock().unwrap().advance(Duration::from_secs(10));
//! });
//! assert_eq!(answer.unwrap_err().kind(), ErrorKind::Timeout);
//! # }
//! ```

mod clock;
mod mock_bucket;
mod mock_namespace;
mod script;

pub use self::clock::ManualClock;
pub use self::mock_bucket::MockBucket;
pub use self::mock_namespace::MockNamespace;
pub use self::script::Script;
