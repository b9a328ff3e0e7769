//! Sessions in a folder on this machine instead of Workers KV.
//!
//! `cargo run -p cloudflare-clients --features local --example sessions`

use std::time::Duration;

use cloudflare_clients::kv::KvClient;
use cloudflare_clients::session::{SessionCache, SessionLifetime, SessionToken};
use cloudflare_clients::{LocalNamespace, Result};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Cart {
    items: Vec<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let folder = std::env::temp_dir().join("cloudflare-clients-sessions");
    let kv = KvClient::new(LocalNamespace::open(folder, "sessions").await?);
    let lifetime = SessionLifetime::sliding(Duration::from_secs(3600), Duration::from_secs(30 * 86_400));
    let sessions = SessionCache::new(kv, lifetime)?;

    let (laptop, session) = sessions.create("user-17", Cart { items: Vec::new() }).await?;
    println!("made, good until {:?} if it is not used", session.expires);
    let (phone, _) = sessions.create("user-17", Cart { items: Vec::new() }).await?;

    // Clients send the token back as text.
    let sent = SessionToken::parse(laptop.as_str())?;
    if let Some(mut session) = sessions.get(&sent).await? {
        session.data.items.push("a book".to_owned());
        sessions.update(&sent, session.data).await?;
    }
    println!("on the laptop: {:?}", sessions.get(&laptop).await?.map(|session| session.data));

    sessions.delete_all_of("user-17").await?;
    for (name, token) in [("laptop", laptop), ("phone", phone)] {
        println!("on the {name} after logging out everywhere: {:?}", sessions.get(&token).await?);
    }
    Ok(())
}
