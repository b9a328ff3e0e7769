//! A rate limit for two servers that share their counts. The counts are in a folder on this machine instead
//! of Workers KV.
//!
//! `cargo run -p cloudflare-clients --features local --example rate_limit`

use std::time::Duration;

use cloudflare_clients::kv::KvClient;
use cloudflare_clients::rate_limit::{KvRateLimiter, RateLimiter};
use cloudflare_clients::{LocalNamespace, Result};

#[tokio::main]
async fn main() -> Result<()> {
    let folder = std::env::temp_dir().join("cloudflare-clients-rate-limit");
    let kv = KvClient::new(LocalNamespace::open(folder, "limits").await?);
    let server = || KvRateLimiter::new(kv.clone(), "exports", 5, Duration::from_secs(3600));
    let servers: [Box<dyn RateLimiter>; 2] = [Box::new(server()?), Box::new(server()?)];
    for (number, server) in servers.iter().enumerate() {
        for _ in 0..4 {
            let decision = server.check("user-17").await?;
            println!("server {number}: allowed {}, {:?}", decision.allowed, decision.headers());
        }
        // A server flushes every second in a task, a Worker in `waitUntil` after each request.
        server.flush().await?;
    }
    Ok(())
}
