//! Making, finding and ending sessions.

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::lifetime::{SessionLifetime, Sliding};
use super::token::SessionToken;
use crate::error::{Error, ErrorKind, Result};
use crate::json;
use crate::kv::{KvClient, MIN_EXPIRATION_TTL, PutRequest};
use crate::retry::RetryPolicy;
use crate::time::{from_millis, to_millis};

/// Sessions with data of one type in a namespace of Workers KV; see [`session`](super) for what it guarantees.
///
/// It is made once, is cheap to clone, and goes by the clock of its client. `SessionCache<()>` is for sessions without data.
pub struct SessionCache<T> {
    client: KvClient,
    lifetime: SessionLifetime,
    prefix: String,
    cache_ttl: Option<Duration>,
    data: PhantomData<fn() -> T>,
}

/// A session.
///
/// It serialises as `user`, `data`, `created` and `expires`, times as RFC 3339; the token is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Session<T> {
    /// Whose it is.
    pub user: String,
    /// What it was made or updated with.
    pub data: T,
    /// When it was made, in whole milliseconds.
    #[serde(with = "crate::time::rfc3339")]
    pub created: SystemTime,
    /// When it ends, if it is not used before.
    #[serde(with = "crate::time::rfc3339")]
    pub expires: SystemTime,
}

/// What is stored under a token's hash.
#[derive(Serialize, Deserialize)]
struct Stored<T> {
    user: String,
    /// In milliseconds since 1970.
    created: u64,
    data: T,
}

impl<T: Serialize + DeserializeOwned + Send> SessionCache<T> {
    /// Sessions in the namespace of a client.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`]: the lifetime, or the idle time, is shorter than KV's 60 seconds; the idle time is longer than the
    /// lifetime; or it is to be written down after it has passed.
    pub fn new(client: KvClient, lifetime: SessionLifetime) -> Result<Self> {
        lifetime.validate()?;
        Ok(Self { client, lifetime, prefix: "sessions/".to_owned(), cache_ttl: None, data: PhantomData })
    }

    /// What all keys begin with, `sessions/` by default: up to 400 bytes. Sessions of different types need different prefixes.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// For how long a location may answer from its cache: whole seconds, 30 or more, by default 60. It is also for about how long a session that
    /// was ended may go on being accepted there. Over REST, which has no cache, it is
    /// [`ErrorKind::Unsupported`].
    #[must_use]
    pub fn with_cache_ttl(mut self, ttl: Duration) -> Self {
        self.cache_ttl = Some(ttl);
        self
    }

    /// Makes a session of a user. The id may be any text but an empty one; it is stored with the session, and hashed in a key.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the user's id is empty, [`ErrorKind::Serialization`] when the data does not serialise, and those of
    /// KV.
    pub async fn create(&self, user: impl Into<String>, data: T) -> Result<(SessionToken, Session<T>)> {
        let user = user.into();
        validate_user(&user)?;
        let token = SessionToken::random(&**self.client.runtime())?;
        let created = to_millis(self.client.now());
        let session = self.session(Stored { user, created, data }, created)?;
        let mut puts = vec![PutRequest::new(self.data_key(&token), value(&session)?)];
        puts.extend(
            self.lifetime.sliding.map(|_| PutRequest::new(self.used_key(&token), created.to_string())),
        );
        let ends = [self.lifetime.max_age, self.idle()];
        let puts = puts.into_iter().zip(ends).map(|(put, end)| put.expiration_ttl(kept_for(end)));
        self.client.put_many(puts).await?.all()?;
        Ok((token, session))
    }

    /// The session of a token, if there is one. The use of one that slides is written down when that is due.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`] when what is stored is of another type, and those of KV.
    pub async fn get(&self, token: &SessionToken) -> Result<Option<Session<T>>> {
        let now = to_millis(self.client.now());
        let Some((stored, used)) = self.find(token, now).await? else { return Ok(None) };
        let due = |sliding: &Sliding| now.saturating_sub(used) >= duration_millis(sliding.rewrite_after);
        let used = if self.lifetime.sliding.as_ref().is_some_and(due) {
            self.write_use(token, now).await;
            now
        } else {
            used
        };
        self.session(stored, used).map(Some)
    }

    /// Replaces the data of a session, which keeps its token, its user and its end. It is `None` when the session does not exist or has ended.
    ///
    /// # Errors
    /// As [`get`](Self::get), and [`ErrorKind::Serialization`] when the data does not serialise.
    pub async fn update(&self, token: &SessionToken, data: T) -> Result<Option<Session<T>>> {
        let now = to_millis(self.client.now());
        let Some((stored, used)) = self.find(token, now).await? else { return Ok(None) };
        let session = self.session(Stored { data, ..stored }, used)?;
        let end = to_millis(session.created).saturating_add(duration_millis(self.lifetime.max_age));
        // What ends sooner than KV can forget it is no session any more by its own time.
        let left = Duration::from_millis(end.saturating_sub(now)).max(MIN_EXPIRATION_TTL);
        self.client.put(self.data_key(token), value(&session)?).expiration_ttl(kept_for(left)).await?;
        Ok(Some(session))
    }

    /// Ends a session. A missing session is not an error.
    ///
    /// # Errors
    /// Those of KV.
    pub async fn delete(&self, token: &SessionToken) -> Result<()> {
        let mut keys = vec![self.data_key(token)];
        keys.extend(self.lifetime.sliding.map(|_| self.used_key(token)));
        self.client.delete_many(keys).await?.all().map(drop)
    }

    /// Ends all sessions of a user that were made before now: "log out everywhere". One made afterwards, by the clock, is good.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the user's id is empty, and those of KV.
    pub async fn delete_all_of(&self, user: &str) -> Result<()> {
        validate_user(user)?;
        let now = to_millis(self.client.now());
        // As long as the longest of them would have lived.
        self.client
            .put(self.user_key(user), now.to_string())
            .expiration_ttl(kept_for(self.lifetime.max_age))
            .await
    }

    /// What is stored for a token and when its use was last written down, unless it has ended.
    async fn find(&self, token: &SessionToken, now: u64) -> Result<Option<(Stored<T>, u64)>> {
        let (data_key, used_key) = (self.data_key(token), self.used_key(token));
        let (data, used) = if self.lifetime.sliding.is_some() {
            let mut many = self.client.get_many([data_key.as_str(), used_key.as_str()]);
            if let Some(ttl) = self.cache_ttl {
                many = many.cache_ttl(ttl);
            }
            let mut found = many.text().await?.all()?.into_iter().filter_map(|(_, value)| value);
            let (Some(data), Some(used)) = (found.next(), found.next()) else { return Ok(None) };
            (data, Some(millis(&used, &used_key)?))
        } else {
            let Some(data) = self.text(&data_key).await? else { return Ok(None) };
            (data, None)
        };
        let stored: Stored<T> = serde_json::from_str(&data).map_err(|error| {
            let message = format!("the session is not of the expected type: {error}");
            Error::new(ErrorKind::Serialization, message).with_source(error).during("get", Some(&data_key))
        })?;
        let used = used.unwrap_or(stored.created);
        if now >= self.end(stored.created, used) {
            return Ok(None);
        }
        let user_key = self.user_key(&stored.user);
        let good_since = self.text(&user_key).await?.map(|since| millis(&since, &user_key)).transpose()?;
        Ok(good_since.is_none_or(|since| stored.created >= since).then_some((stored, used)))
    }

    /// Another write within the second, or KV's failure, must not keep the session from whoever asks for it.
    async fn write_use(&self, token: &SessionToken, now: u64) {
        let key = self.used_key(token);
        let once = self.client.clone().with_retry(RetryPolicy::none());
        if let Err(error) = once.put(key, now.to_string()).expiration_ttl(kept_for(self.idle())).await {
            tracing::warn!(%error, "the use of a session could not be written down");
        }
    }

    async fn text(&self, key: &str) -> Result<Option<String>> {
        let mut get = self.client.get(key);
        if let Some(ttl) = self.cache_ttl {
            get = get.cache_ttl(ttl);
        }
        get.text().await
    }

    fn session(&self, stored: Stored<T>, used: u64) -> Result<Session<T>> {
        let Stored { user, created, data } = stored;
        let expires = time(self.end(created, used))?;
        Ok(Session { user, data, created: time(created)?, expires })
    }
}

impl<T> SessionCache<T> {
    /// When a session ends that was made and last used at these times.
    fn end(&self, created: u64, used: u64) -> u64 {
        let end = created.saturating_add(duration_millis(self.lifetime.max_age));
        end.min(used.saturating_add(duration_millis(self.idle())))
    }

    fn idle(&self) -> Duration {
        self.lifetime.sliding.map_or(self.lifetime.max_age, |sliding| sliding.idle)
    }

    fn data_key(&self, token: &SessionToken) -> String {
        format!("{}data/{}", self.prefix, token.hash())
    }

    fn used_key(&self, token: &SessionToken) -> String {
        format!("{}used/{}", self.prefix, token.hash())
    }

    /// Hashed, so that no id is too long, or reaches another key.
    fn user_key(&self, user: &str) -> String {
        format!("{}users/{}", self.prefix, hex::encode(Sha256::digest(user)))
    }
}

impl<T> Clone for SessionCache<T> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            lifetime: self.lifetime,
            prefix: self.prefix.clone(),
            cache_ttl: self.cache_ttl,
            data: PhantomData,
        }
    }
}

impl<T> fmt::Debug for SessionCache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCache")
            .field("client", &self.client)
            .field("lifetime", &self.lifetime)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

fn validate_user(user: &str) -> Result<()> {
    if user.is_empty() {
        return Err(Error::invalid_input(
            "the user's id is empty: all users without one would share their sessions",
        ));
    }
    Ok(())
}

/// A session as it is stored.
fn value<T: Serialize>(session: &Session<T>) -> Result<Vec<u8>> {
    let Session { user, data, created, .. } = session;
    let stored = Stored { user: user.clone(), created: to_millis(*created), data };
    json::to_vec("the data of the session", &stored)
}

/// A stored time.
fn millis(text: &str, key: &str) -> Result<u64> {
    text.parse().map_err(|error| {
        let message = format!("{text:?} is no time in milliseconds: {error}");
        Error::new(ErrorKind::Serialization, message).during("get", Some(key))
    })
}

/// How long KV is to keep what ends after this time: whole seconds, and no shorter.
fn kept_for(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs() + u64::from(time.subsec_nanos() > 0))
}

fn duration_millis(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}

fn time(stored: u64) -> Result<SystemTime> {
    from_millis(stored).ok_or_else(|| {
        let message = format!("{stored} ms after 1970 is later than this platform can tell");
        Error::new(ErrorKind::Serialization, message)
    })
}
