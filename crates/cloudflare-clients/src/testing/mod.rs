//! For tests of what is built on this crate: buckets and namespaces whose answers a test writes, and a clock that it moves.
//!
//! | a test needs | it takes |
//! |---|---|
//! | a bucket or namespace that works | [`LocalBucket`](crate::LocalBucket), [`LocalNamespace`](crate::LocalNamespace) in a temporary folder |
//! | one that fails, is slow, or answers as told | [`MockBucket`], [`MockNamespace`], alone or over one that works |
//! | time that passes when the test says so | [`ManualClock`] |
//! | a server that speaks S3 and KV's REST API | the crate `cloudflare-emulator` |

mod clock;
mod mock_bucket;
mod mock_namespace;
mod script;

pub use self::clock::ManualClock;
pub use self::mock_bucket::MockBucket;
pub use self::mock_namespace::MockNamespace;
pub use self::script::Script;
