//! Locks through R2's S3 API, against one local server: which takes any number of writes, where R2 takes one
//! a second to a key.

use std::time::{Duration, Instant};

use cloudflare_clients::lock::Locks;
use cloudflare_clients::r2::{R2Service, R2SigningConfig};
use cloudflare_clients::{LocalStore, RetryPolicy, S3Bucket};
use cloudflare_emulator::{Credentials, Server};
use futures_util::future::try_join_all;

use crate::{OURS, ROUNDS, Result, Samples};

const TURNS: usize = 400;
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn measure() -> Result<Samples> {
    let folder = tempfile::tempdir()?;
    let store = LocalStore::open(folder.path()).await?;
    store.create_bucket("media").await?;
    let credentials = Credentials::generate()?;
    let server = Server::bind(store, credentials.clone(), ([127, 0, 0, 1], 0).into()).await?;
    let (id, secret) = (credentials.access_key_id(), credentials.secret_access_key());
    let config =
        R2SigningConfig::for_endpoint(format!("http://{}", server.local_addr()), id, secret, "media");
    tokio::spawn(server.run(std::future::pending()));
    // Whoever waits looks again soon: the default is for R2's second a write.
    let retry =
        RetryPolicy::default().base_delay(Duration::from_millis(2)).max_delay(Duration::from_millis(10));
    let locks = &Locks::new(R2Service::new(S3Bucket::new(config)?).with_retry(retry));

    let mut samples = Samples::default();
    for round in 0..ROUNDS {
        for (case, holders) in [("alone", 1), ("8-contend", 8)] {
            let name = &format!("{case}/{round}");
            let begun = Instant::now();
            try_join_all((0..holders).map(|_| async move {
                for _ in 0..TURNS / holders {
                    locks.acquire(name, PATIENCE).await?.release().await?;
                }
                Ok::<_, cloudflare_clients::Error>(())
            }))
            .await?;
            samples.add(OURS, case, begun.elapsed(), TURNS);
            let turns = locks.inspect(name).await?.map(|info| info.token);
            crate::check(turns, Some(TURNS as u64))?;
        }
    }
    Ok(samples)
}
