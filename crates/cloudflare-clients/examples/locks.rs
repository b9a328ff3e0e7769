//! Four workers share a job that only one may do at a time, and one of them dies.
//!
//! `cargo run -p cloudflare-clients --features local --example locks`

use std::time::Duration;

use cloudflare_clients::lock::Locks;
use cloudflare_clients::r2::R2Service;
use cloudflare_clients::{LocalBucket, Result};
use futures_util::future;

#[tokio::main]
async fn main() -> Result<()> {
    let folder = std::env::temp_dir().join("cloudflare-clients-example-locks");
    // In production an `S3Bucket`, or in a Worker its binding: the rest is the same.
    let r2 = R2Service::new(LocalBucket::open(folder, "jobs").await?);
    // Short, so that the example is. R2 takes one write a second to a key: there the default of 30 s is a better choice.
    let locks = Locks::new(r2).with_ttl(Duration::from_secs(2)).with_clock_skew(Duration::from_millis(500));

    future::try_join_all((1..=4).map(|worker| work(worker, &locks))).await?;
    println!("{:?}", locks.inspect("job").await?);
    Ok(())
}

async fn work(worker: u32, locks: &Locks) -> Result<()> {
    let locks = locks.clone().with_owner(format!("worker {worker}"));
    let mut lock = locks.acquire("job", Duration::from_secs(60)).await?;
    println!("worker {worker} begins, with token {}", lock.token());
    if worker == 1 {
        println!("worker 1 dies: the lock is free when it expires");
        return Ok(());
    }
    // Longer than the ttl: it is renewed.
    lock.hold(tokio::time::sleep(Duration::from_secs(3))).await?;
    println!("worker {worker} is done");
    lock.release().await
}
