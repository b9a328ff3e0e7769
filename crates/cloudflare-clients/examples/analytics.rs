//! Records page views in a bucket in a temporary folder, from several tasks, and counts those of the last
//! minute by path.
//!
//! `cargo run -p cloudflare-clients --features analytics,local --example analytics`

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use cloudflare_clients::analytics::{EventStore, EventWriter};
use cloudflare_clients::r2::R2Service;
use cloudflare_clients::{LocalBucket, Result};
use futures_util::TryStreamExt as _;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

#[derive(Debug, Serialize, Deserialize)]
struct PageView {
    path: String,
    milliseconds: u32,
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let r2 = R2Service::new(LocalBucket::open(folder.path(), "analytics").await?);
    let store = EventStore::r2(r2, "page-views/")?;

    // Stores batches in the background until the server shuts down.
    let writer =
        EventWriter::new(store.clone()).with_batch_bytes(256 * 1024)?.with_max_age(Duration::from_secs(1))?;
    let (shutdown, stopped) = oneshot::channel::<()>();
    let storing = tokio::spawn(writer.run(async { drop(stopped.await) }));

    let mut visitors = JoinSet::new();
    for visitor in 0..8 {
        visitors.spawn(visit(writer.clone(), visitor));
    }
    while let Some(visited) = visitors.join_next().await {
        visited??;
    }
    drop(shutdown);
    storing.await??;

    let mut views = BTreeMap::<_, u32>::new();
    let minute_ago = SystemTime::now() - Duration::from_secs(60);
    let mut events = store.read::<PageView>(minute_ago..);
    while let Some(view) = events.try_next().await? {
        *views.entry(view.event.path).or_default() += 1;
    }
    for (path, count) in views {
        println!("{count:6} {path}");
    }
    Ok(())
}

async fn visit(writer: EventWriter, visitor: u32) -> Result<()> {
    for n in 0..1000 {
        let path = format!("/articles/{}", (n + visitor) % 5);
        writer.record(&PageView { path, milliseconds: 3 + n % 40 }).await?;
    }
    Ok(())
}
