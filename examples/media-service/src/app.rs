//! State that all requests share. It is created once and cheap to clone.

use std::sync::Arc;
use std::time::Duration;

use cloudflare_clients::kv::KvClient;
use cloudflare_clients::playlist::TokenRoute;
use cloudflare_clients::r2::R2Service;
use cloudflare_clients::rate_limit::{KvRateLimiter, RateLimiter};
use cloudflare_clients::session::{SessionCache, SessionLifetime};

use crate::routes::playback;
use crate::settings::Settings;

/// Lifetime of a session: how long a user stays signed in.
const SESSION: Duration = Duration::from_secs(12 * 3600);

const LIMIT_WINDOW: Duration = Duration::from_secs(10 * 60);

#[derive(Clone)]
pub(crate) struct App {
    pub(crate) r2: R2Service,
    /// Sessions without data of their own: a session has its user's name.
    pub(crate) sessions: SessionCache<()>,
    pub(crate) limiter: Arc<dyn RateLimiter>,
    /// Creates and verifies the URLs of playlists.
    pub(crate) playlists: TokenRoute,
    pub(crate) settings: Arc<Settings>,
}

impl App {
    pub(crate) fn from_env(settings: Settings) -> cloudflare_clients::Result<Self> {
        let kv = KvClient::from_env()?;
        // A request waits at most this long to be counted.
        let counts = kv.clone().with_deadline(Duration::from_millis(500));
        Ok(Self {
            r2: R2Service::from_env()?,
            sessions: SessionCache::new(kv, SessionLifetime::fixed(SESSION))?,
            limiter: Arc::new(KvRateLimiter::new(counts, "requests", settings.request_limit, LIMIT_WINDOW)?),
            playlists: TokenRoute::new(playback::PLAYLISTS, &settings.playlist_secret)?,
            settings: Arc::new(settings),
        })
    }
}
