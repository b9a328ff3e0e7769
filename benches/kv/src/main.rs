//! The cost of Workers KV's operations, with this library and with others.
//!
//! `kv-bench rest` prints nanoseconds per key over REST against the local server, `kv-bench embedded` those
//! of stores in the process, and `kv-bench locks` those of an acquisition with its release, as JSON:
//! `[{ "impl", "case", "samples": [..] }]`. All implementations take turns, each round with fresh keys.

mod embedded;
mod locks;
mod rest;

use std::collections::BTreeMap;
use std::future::Future;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;

type Error = Box<dyn std::error::Error + Send + Sync>;
type Result<T, E = Error> = std::result::Result<T, E>;

const OURS: &str = "cloudflare-clients";

/// How many operations are under way at once.
const CONCURRENCY: usize = 32;
const ROUNDS: usize = 5;
const VALUE: &[u8] = &[b'v'; 100];

#[tokio::main]
async fn main() -> ExitCode {
    let done = match std::env::args().nth(1).as_deref() {
        Some("rest") => rest::measure().await,
        Some("embedded") => embedded::measure().await,
        Some("locks") => locks::measure().await,
        _ => Err("usage: kv-bench rest | embedded | locks".into()),
    };
    match done {
        Ok(samples) => {
            println!("{}", samples.to_json());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("kv-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What was measured, by implementation and case.
#[derive(Default)]
struct Samples(BTreeMap<(&'static str, &'static str), Vec<u64>>);

impl Samples {
    fn add(&mut self, implementation: &'static str, case: &'static str, took: Duration, keys: usize) {
        let each = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX) / keys as u64;
        self.0.entry((implementation, case)).or_default().push(each);
    }

    fn to_json(&self) -> serde_json::Value {
        let entry = |(&(implementation, case), samples): (&(&str, &str), &Vec<u64>)| json!({ "impl": implementation, "case": case, "samples": samples });
        self.0.iter().map(entry).collect()
    }
}

/// Names of keys that no other round has.
fn keys(round: usize, count: usize) -> Vec<String> {
    (0..count).map(|key| format!("round-{round}/key-{key:06}")).collect()
}

/// How long an operation on each of the keys takes, `CONCURRENCY` at once.
async fn at_once<F: Future<Output = Result<()>>>(
    keys: &[String],
    operation: impl Fn(String) -> F,
) -> Result<Duration> {
    let begun = Instant::now();
    stream::iter(keys.iter().cloned().map(Ok)).try_for_each_concurrent(CONCURRENCY, operation).await?;
    Ok(begun.elapsed())
}

/// The same, one after the other.
async fn one_by_one<F: Future<Output = Result<()>>>(
    keys: &[String],
    operation: impl Fn(String) -> F,
) -> Result<Duration> {
    let begun = Instant::now();
    stream::iter(keys.iter().cloned()).map(operation).buffered(1).try_collect::<()>().await?;
    Ok(begun.elapsed())
}

/// An operation that must give this.
fn check<T: PartialEq + std::fmt::Debug>(given: T, expected: T) -> Result<()> {
    if given == expected { Ok(()) } else { Err(format!("{given:?} in place of {expected:?}").into()) }
}
