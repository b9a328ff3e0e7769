//! Creates, finds and ends sessions.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::lifetime::{SessionLifetime, Sliding};
use super::memory::{Memory, Missing};
use super::order::Order;
use super::record::{Owner, Record, Stored, millis, parse};
use super::token::{SessionToken, UserHash};
use crate::error::{Error, ErrorKind, Result};
use crate::json;
use crate::kv::{KvClient, MIN_EXPIRATION_TTL, PutRequest};
use crate::mutation::{Mutation, is_mutated};
use crate::retry::RetryPolicy;
use crate::time::{duration_millis, from_millis, to_millis};

/// Sessions in a namespace of Workers KV, with data of type `T`; see [`session`](super) for what it
/// guarantees.
///
/// Create it once and clone it freely. It uses the clock of its client. Clones share the sessions that they
/// keep in memory. Use `SessionCache<()>` for sessions without data.
pub struct SessionCache<T> {
    client: KvClient,
    lifetime: SessionLifetime,
    prefix: String,
    cache_ttl: Option<Duration>,
    order: Arc<Order>,
    memory: Option<Arc<Memory>>,
    data: PhantomData<fn() -> T>,
}

/// A session.
///
/// It serializes as `user`, `data`, `created` and `expires`, with times in RFC 3339. It does not contain the
/// token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Session<T> {
    /// The id of the user.
    pub user: String,
    /// The data that the session was created or last updated with.
    pub data: T,
    /// When the session was created, in whole milliseconds.
    #[serde(with = "crate::time::rfc3339")]
    pub created: SystemTime,
    /// When the session ends, unless a later use extends it.
    #[serde(with = "crate::time::rfc3339")]
    pub expires: SystemTime,
}

impl<T: Serialize + DeserializeOwned + Send> SessionCache<T> {
    /// Creates sessions in the namespace of a client. The prefix of their keys is `sessions/` by default.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`]: the lifetime or the idle time is shorter than KV's minimum of 60 seconds;
    /// the lifetime is longer than ten years; the idle time is longer than the lifetime; or
    /// [`rewrite_after`](SessionLifetime::rewrite_after) is not shorter than the idle time.
    pub fn new(client: KvClient, lifetime: SessionLifetime) -> Result<Self> {
        lifetime.validate()?;
        Ok(Self {
            client,
            lifetime,
            prefix: "sessions/".to_owned(),
            cache_ttl: None,
            order: Arc::default(),
            memory: None,
            data: PhantomData,
        })
    }

    /// Sets the prefix of all keys, up to 400 bytes. Default: `sessions/`. Sessions with different data types
    /// need different prefixes.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets for how long a location may answer from its cache: whole seconds, 30 or more. Default: 60
    /// seconds. For about as long, that location may still accept a session that was ended elsewhere. REST
    /// has no cache: there each read fails with [`ErrorKind::Unsupported`].
    #[must_use]
    pub fn with_cache_ttl(mut self, ttl: Duration) -> Self {
        self.cache_ttl = Some(ttl);
        self
    }

    /// Keeps sessions in the memory of this process for `ttl` after they were read. Holds at most `sessions`
    /// of them and evicts the least recently used. 0 counts as 1. Default: none.
    ///
    /// [`delete`](Self::delete), [`update`](Self::update) and [`delete_all_of`](Self::delete_all_of) of this
    /// cache and its clones take effect immediately. Another process, or another cache in this process,
    /// accepts an ended session for up to `ttl` longer than KV's own delay. Sessions still expire on time.
    /// The data of each session is kept in memory as JSON.
    #[must_use]
    pub fn with_memory(mut self, ttl: Duration, sessions: usize) -> Self {
        self.memory = Some(Arc::new(Memory::new(ttl, sessions)));
        self
    }

    /// Creates a session for a user. The user id is any text that is not empty. It is stored with the
    /// session, and its hash is part of a key.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the user id is empty, [`ErrorKind::Serialization`] if the data cannot
    /// be serialized, and the errors of KV.
    pub async fn create(&self, user: impl Into<String>, data: T) -> Result<(SessionToken, Session<T>)> {
        let user = user.into();
        validate_user(&user)?;
        let token = SessionToken::random(&**self.client.runtime(), UserHash::of(&user))?;
        let created = self.order.make(to_millis(self.client.now()));
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

    /// Returns the session of a token, or `None` if it does not exist or has ended. Records the use of a
    /// sliding session if that is due.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`] if the stored data does not match the type, and the errors of KV.
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

    /// Replaces the data of a session. The token, the user and the end do not change. Returns `None` if the
    /// session does not exist or has ended.
    ///
    /// # Errors
    /// The errors of [`get`](Self::get), and [`ErrorKind::Serialization`] if the data cannot be serialized.
    pub async fn update(&self, token: &SessionToken, data: T) -> Result<Option<Session<T>>> {
        let now = to_millis(self.client.now());
        let found = self.read(token).await?.map(|record| self.judge(&record, token, now)).transpose()?;
        let Some((stored, used)) = found.flatten() else { return Ok(None) };
        let session = self.session(Stored { data, ..stored }, used)?;
        let end = to_millis(session.created).saturating_add(duration_millis(self.lifetime.max_age));
        // KV cannot expire the key sooner than in 60 seconds. The session still ends on time.
        let left = Duration::from_millis(end.saturating_sub(now)).max(MIN_EXPIRATION_TTL);
        let data_key = self.data_key(token);
        let written = self.client.put(&data_key, value(&session)?).expiration_ttl(kept_for(left)).await;
        self.forget(&data_key);
        written.map(|()| Some(session))
    }

    /// Ends a session. A missing session is not an error.
    ///
    /// # Errors
    /// The errors of KV.
    pub async fn delete(&self, token: &SessionToken) -> Result<()> {
        let data_key = self.data_key(token);
        let mut keys = vec![data_key.clone()];
        keys.extend(self.lifetime.sliding.map(|_| self.used_key(token)));
        let deleted = self.client.delete_many(keys).await;
        self.forget(&data_key);
        deleted?.all().map(drop)
    }

    /// Ends all sessions of a user that were created before this call: "log out everywhere". A session
    /// created after it has returned is valid.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the user id is empty, and the errors of KV.
    pub async fn delete_all_of(&self, user: &str) -> Result<()> {
        validate_user(user)?;
        let since = self.order.log_out(to_millis(self.client.now()));
        let key = self.user_key(&UserHash::of(user));
        // Longer than any of these sessions can live: KV rounds the current time down to a second.
        let kept = kept_for(self.lifetime.max_age) + Duration::from_secs(1);
        let written = self.client.put(&key, since.to_string()).expiration_ttl(kept).await;
        if let Some(memory) = &self.memory {
            memory.forget_user(&key);
        }
        written
    }

    /// Returns the stored session of a token and its last recorded use, unless it has ended.
    async fn find(&self, token: &SessionToken, now: u64) -> Result<Option<(Stored<T>, u64)>> {
        let data_key = self.data_key(token);
        let kept = self.memory.as_ref().map(|memory| (memory, memory.find(&data_key, now)));
        let missing: Option<(_, Missing)> = match kept {
            Some((_, Ok(record))) => return self.judge(&record, token, now),
            Some((memory, Err(missing))) => Some((memory, missing)),
            None => None,
        };
        let Some(record) = self.read(token).await? else { return Ok(None) };
        let found = self.judge(&record, token, now)?;
        if let (Some((memory, missing)), true) = (missing, found.is_some()) {
            memory.keep(data_key, record, now, &missing);
        }
        Ok(found)
    }

    /// Reads everything that is stored for a token. This is one request, because the token contains the hash
    /// of its user. Tokens of earlier versions do not, and need a second request.
    async fn read(&self, token: &SessionToken) -> Result<Option<Record>> {
        let (data_key, used_key) = (self.data_key(token), self.used_key(token));
        let user_key = token.user().map(|user| self.user_key(&user));
        let slides = self.lifetime.sliding.is_some();
        let keys = [Some(&data_key), slides.then_some(&used_key), user_key.as_ref()];
        let mut many = self.client.get_many(keys.into_iter().flatten());
        if let Some(ttl) = self.cache_ttl {
            many = many.cache_ttl(ttl);
        }
        let mut values = many.text().await?.all()?.into_iter().map(|(_, value)| value);
        let Some(data) = values.next().flatten() else { return Ok(None) };
        let used = if slides {
            let Some(used) = values.next().flatten() else { return Ok(None) };
            Some(millis(&used, &used_key)?)
        } else {
            None
        };
        let (user_key, good_since) = if let Some(user_key) = user_key {
            (user_key, values.next().flatten())
        } else {
            let Owner { user } = parse(&data, &data_key)?;
            let user_key = self.user_key(&UserHash::of(&user));
            let good_since = self.text(&user_key).await?;
            (user_key, good_since)
        };
        let good_since = good_since.map(|since| millis(&since, &user_key)).transpose()?;
        Ok(Some(Record { data, used, good_since, user_key }))
    }

    /// Parses a record. Returns `None` if the session has ended.
    fn judge(&self, record: &Record, token: &SessionToken, now: u64) -> Result<Option<(Stored<T>, u64)>> {
        let stored: Stored<T> = parse(&record.data, &self.data_key(token))?;
        let used = record.used.unwrap_or(stored.created);
        let ended = now >= self.end(stored.created, used)
            || record
                .good_since
                .is_some_and(|since| stored.created < since && !is_mutated(Mutation::LogOutForgotten));
        Ok((!ended).then_some((stored, used)))
    }

    /// Records a use. A failure, such as another write within the same second, does not fail the caller's
    /// `get`.
    async fn write_use(&self, token: &SessionToken, now: u64) {
        let key = self.used_key(token);
        let once = self.client.clone().with_retry(RetryPolicy::none());
        if let Err(error) = once.put(key, now.to_string()).expiration_ttl(kept_for(self.idle())).await {
            tracing::warn!(%error, "failed to record the use of a session");
        }
        self.forget(&self.data_key(token));
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
    /// Returns when a session with these creation and last use times ends.
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

    /// The hash keeps the key short, and no id can produce another key's name.
    fn user_key(&self, user: &UserHash) -> String {
        format!("{}users/{}", self.prefix, user.to_hex())
    }

    fn forget(&self, data_key: &str) {
        if let Some(memory) = &self.memory {
            memory.forget(data_key);
        }
    }
}

impl<T> Clone for SessionCache<T> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            lifetime: self.lifetime,
            prefix: self.prefix.clone(),
            cache_ttl: self.cache_ttl,
            order: self.order.clone(),
            memory: self.memory.clone(),
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
            "the user id is empty: all users without an id would share their sessions",
        ));
    }
    Ok(())
}

/// Serializes a session for storage.
fn value<T: Serialize>(session: &Session<T>) -> Result<Vec<u8>> {
    let Session { user, data, created, .. } = session;
    let stored = Stored { user: user.clone(), created: to_millis(*created), data };
    json::to_vec("the data of the session", &stored)
}

/// Returns for how long KV has to keep a key: `time`, rounded up to whole seconds.
fn kept_for(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs() + u64::from(time.subsec_nanos() > 0))
}

fn time(stored: u64) -> Result<SystemTime> {
    from_millis(stored).ok_or_else(|| {
        let message =
            format!("the stored time, {stored} ms after 1970, is later than this platform supports");
        Error::new(ErrorKind::Serialization, message)
    })
}
