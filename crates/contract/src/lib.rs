//! The behaviour that every backend must have: one suite for R2 and one for Workers KV.
//!
//! A backend's test provides a [`r2::Fixture`] or [`kv::Fixture`], and gets one test per case from
//! [`r2_tests!`] or [`kv_tests!`]. Where attributes cannot create tests, as in a Worker, [`r2::CASES`] and
//! [`kv::CASES`] contain the cases as functions. The suites need no runtime other than the one that polls
//! their futures. A case that fails panics.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::missing_panics_doc)]

/// Declares the cases of a suite, and the macro that turns them into tests.
macro_rules! cases {
    ($suite:ident, $tests:ident: $($module:ident :: $name:ident,)*) => {
        $(#[doc = concat!("The case `", stringify!($name), "`.")]
        pub async fn $name(fixture: Fixture) {
            $module::$name(fixture).await;
        })*

        /// A case as a function.
        pub type Case = fn(Fixture) -> futures_util::future::BoxFuture<'static, ()>;

        /// All cases with their names.
        pub const CASES: &[(&str, Case)] = &[$((stringify!($name), |fixture| Box::pin($name(fixture))),)*];

        /// Creates a test for each case. `$fixture` is an expression that evaluates to a future of a fixture.
        #[macro_export]
        macro_rules! $tests {
            ($fixture:expr) => {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    $crate::$suite::$name($fixture.await).await;
                })*
            };
        }
    };
}

mod events;
pub mod kv;
pub mod r2;
