//! For tests of what is built on this crate: buckets and namespaces whose answers a test writes, and a clock that it moves.
//!
//! | a test needs | it takes |
//! |---|---|
//! | a bucket or namespace that works | [`LocalBucket`](crate::LocalBucket), [`LocalNamespace`](crate::LocalNamespace) in a temporary folder |
//! | one that fails, is slow, or answers as told | [`MockBucket`], [`MockNamespace`], alone or over one that works |
//! | time that passes when the test says so | [`ManualClock`] |
//! | a server that speaks S3 and KV's REST API | the crate `cloudflare-emulator` |
//!
//! # Time
//!
//! A mock goes by a [`ManualClock`] of its own, [`MockBucket::clock`]. A [`LocalBucket`](crate::LocalBucket) goes by the clock of its
//! store, which [`LocalStore::open_with_runtime`](crate::LocalStore::open_with_runtime) takes. What is given no clock goes by
//! [`TokioRuntime`](crate::TokioRuntime), whose timer and monotonic time are Tokio's: `#[tokio::test(start_paused = true)]` works with it.
//!
//! - **Retries** take no time: whoever sleeps moves the clock.
//! - **A deadline** passes when the clock is moved so far: by the test, or by a mock that is slow, as with [`Script::delays`]. A mock that
//!   never answers, and a clock that nobody moves, wait for ever.
//! - **A loop that sleeps**, such as a task that does something every minute, needs a clock whose
//!   [sleepers wait](ManualClock::sleepers_wait). The test moves that clock on each time, and lets the task run in between.
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
//! // The head is sent first, and then the clock is moved.
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
