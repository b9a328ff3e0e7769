//! The embedded store of this library, as R2.

use std::path::{Path, PathBuf};
use std::time::Instant;

use cloudflare_clients::LocalBucket;
use cloudflare_clients::r2::R2Service;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::measured::Measured;
use crate::{BODY, ROUNDS, Result, bytes_of, key, new_keys, some_of};

pub(crate) const NAME: &str = "cloudflare-clients";

/// How many puts are under way at once while the store is filled.
const CONCURRENCY: usize = 256;

pub(crate) struct Ours {
    folder: PathBuf,
    r2: R2Service,
    filled: usize,
    /// How many keys were put and deleted beside those.
    others: usize,
}

impl Ours {
    pub(crate) async fn open(folder: &Path) -> Result<Self> {
        let r2 = R2Service::new(LocalBucket::open(folder, "bench").await?);
        Ok(Self { folder: folder.to_owned(), r2, filled: 0, others: 0 })
    }

    /// Adds keys up to this number.
    pub(crate) async fn fill(&mut self, keys: usize, times: &mut Measured) -> Result<()> {
        let part = (keys - self.filled).div_ceil(ROUNDS).max(1);
        while self.filled < keys {
            let end = keys.min(self.filled + part);
            let begun = Instant::now();
            let puts = (self.filled..end).map(|number| {
                let put = self.r2.put(key(number), BODY);
                async move { put.await.map(drop) }
            });
            stream::iter(puts).buffer_unordered(CONCURRENCY).try_collect::<()>().await?;
            times.add_time((NAME, "put, 256 at once"), keys, begun, end - self.filled);
            self.filled = end;
        }
        Ok(())
    }

    pub(crate) async fn measure(&mut self, keys: usize, times: &mut Measured) -> Result<()> {
        for round in 0..ROUNDS {
            let begun = Instant::now();
            for number in some_of(keys, 1000, round) {
                let found = self.r2.get(key(number)).bytes().await?;
                if found.as_deref() != Some(BODY) {
                    return Err(format!("{:?} is not what was put", key(number)).into());
                }
            }
            times.add_time((NAME, "get"), keys, begun, 1000);

            let new = new_keys(&mut self.others);
            let begun = Instant::now();
            for key in &new {
                self.r2.put(key, BODY).await?;
            }
            times.add_time((NAME, "put"), keys, begun, new.len());
            let begun = Instant::now();
            for key in &new {
                self.r2.delete(key).await?;
            }
            times.add_time((NAME, "delete"), keys, begun, new.len());

            let begun = Instant::now();
            for number in some_of(keys, 20, round) {
                self.r2.list().start_after(key(number)).await?;
            }
            times.add_time((NAME, "page of 1,000"), keys, begun, 20);
            let begun = Instant::now();
            for number in some_of(keys, 5, round) {
                let folder = key(number);
                let creator = &folder[.."creators/00000/".len()];
                self.r2.list().prefix("creators/").delimiter("/").start_after(creator).await?;
            }
            times.add_time((NAME, "page of folders"), keys, begun, 5);
        }
        for _ in 0..ROUNDS {
            // The store is closed while another one takes its place, so that the next open is the first.
            let elsewhere = tempfile::tempdir()?;
            self.r2 = R2Service::new(LocalBucket::open(elsewhere.path(), "other").await?);
            let begun = Instant::now();
            let bucket = LocalBucket::open(&self.folder, "bench").await?;
            times.add_time((NAME, "open"), keys, begun, 1);
            self.r2 = R2Service::new(bucket);
        }
        Ok(())
    }

    /// Deletes every second key.
    pub(crate) async fn delete_half(&self, keys: usize) -> Result<()> {
        let batches = (0..keys).step_by(2000).map(|first| {
            let names = (first..keys.min(first + 2000)).step_by(2).map(key);
            let delete = self.r2.delete_many(names);
            async move { delete.await.map(drop) }
        });
        stream::iter(batches).buffered(1).try_collect::<()>().await?;
        Ok(())
    }

    pub(crate) fn bytes(&self) -> Result<u64> {
        bytes_of(&self.folder)
    }
}
