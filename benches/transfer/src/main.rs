//! The cost of transfers, with this library and with others.
//!
//! `transfer-bench IMPL JOB` does a job once, with the variables that `cfstore serve` prints,
//! `transfer-bench measure PROGRAM ARG...` says what a program took, as JSON, and `transfer-bench serve`
//! answers requests and stores nothing. Nobody encrypts, all address
//! buckets by path, and parts and ranges have 16 MiB, 8 at once. The others are told to check nothing, which
//! is the least that they can do.

mod aws_sdk_s3;
mod client;
mod hyper;
mod hyper_server;
mod measure;
mod object_store;
mod opendal;
mod ours;

use std::process::ExitCode;

use bytes::Bytes;
use futures_util::{TryStreamExt as _, stream};
use tokio::runtime::{Builder, Runtime};

use crate::client::{Client, PART_SIZE};

type Error = Box<dyn std::error::Error + Send + Sync>;
type Result<T, E = Error> = std::result::Result<T, E>;

const USAGE: &str = "usage: transfer-bench measure PROGRAM ARG... | serve | IMPL upload FILE KEY | IMPL download KEY FILE
    | IMPL download-whole KEY FILE | IMPL parts COUNT KEY | IMPL put PREFIX COUNT AT_ONCE | IMPL get PREFIX COUNT AT_ONCE";

/// The size of small objects.
const SMALL: usize = 4096;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("transfer-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<()> {
    match arguments {
        ["measure", program, arguments @ ..] => measure::measure(program, arguments),
        ["serve"] => Runtime::new()?.block_on(hyper_server::serve()),
        ["cloudflare-clients", job @ ..] => with(|| ours::Ours::new(true), job),
        ["cloudflare-clients unproved", job @ ..] => with(|| ours::Ours::new(false), job),
        ["object_store", job @ ..] => with(object_store::Peer::new, job),
        ["opendal", job @ ..] => with(opendal::Peer::new, job),
        ["aws-sdk-s3", job @ ..] => with(aws_sdk_s3::Peer::new, job),
        ["hyper", job @ ..] => with(hyper::Floor::new, job),
        _ => Err(USAGE.into()),
    }
}

/// Does a job with the client: requests for small objects on one thread, all else on tokio's threads.
fn with<C: Client>(client: impl Fn() -> Result<C>, job: &[&str]) -> Result<()> {
    let block_on = |runtime: Runtime, job| runtime.block_on(async { run_job(&client()?, job).await });
    match *job {
        ["upload", file, key] => block_on(Runtime::new()?, Job::Upload { file, key }),
        ["download", key, file] => block_on(Runtime::new()?, Job::Download { key, file }),
        ["download-whole", key, file] => block_on(Runtime::new()?, Job::DownloadWhole { key, file }),
        ["parts", count, key] => block_on(Runtime::new()?, Job::Parts { count: count.parse()?, key }),
        [method @ ("put" | "get"), prefix, count, at_once] => {
            let (count, at_once) = (count.parse()?, at_once.parse()?);
            let one_thread = Builder::new_current_thread().enable_all().build()?;
            block_on(one_thread, Job::Small { put: method == "put", prefix, count, at_once })
        }
        _ => Err(USAGE.into()),
    }
}

enum Job<'a> {
    Upload { file: &'a str, key: &'a str },
    Download { key: &'a str, file: &'a str },
    DownloadWhole { key: &'a str, file: &'a str },
    Parts { count: usize, key: &'a str },
    Small { put: bool, prefix: &'a str, count: usize, at_once: usize },
}

async fn run_job<C: Client>(client: &C, job: Job<'_>) -> Result<()> {
    match job {
        Job::Upload { file, key } => client.upload(file.as_ref(), key).await,
        Job::Download { key, file } => client.download(key, file.as_ref()).await,
        Job::DownloadWhole { key, file } => client.download_whole(key, file.as_ref()).await,
        Job::Parts { count, key } => client.upload_parts(key, (0..count).map(|_| Ok(part()))).await,
        Job::Small { put, prefix, count, at_once } => {
            let bytes = &Bytes::from_static(&[b'v'; SMALL]);
            stream::iter((0..count).map(|number| Ok(format!("{prefix}{number:05}"))))
                .try_for_each_concurrent(at_once, |key| async move {
                    if put {
                        return client.put(&key, bytes.clone()).await;
                    }
                    let got = client.get(&key).await?;
                    if got == bytes { Ok(()) } else { Err(format!("{key} has other bytes").into()) }
                })
                .await
        }
    }
}

/// A part that somebody has made in memory.
fn part() -> Bytes {
    vec![b'p'; PART_SIZE].into()
}
