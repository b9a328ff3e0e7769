//! Four workers share a job that only one of them may run at a time. One of the workers dies.
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
    // In production use an `S3Bucket`, or the binding in a Worker. The rest is the same.
    let r2 = R2Service::new(LocalBucket::open(folder, "jobs").await?);
    // Short, to keep the example short. R2 accepts one write per second to the same key: there use the
    // default of 30 seconds.
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
    // Longer than the TTL: the lock is renewed.
    lock.hold(tokio::time::sleep(Duration::from_secs(3))).await?;
    println!("worker {worker} is done");
    lock.release().await
}
