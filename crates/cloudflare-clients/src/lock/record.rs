//! The content of a lock's object.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::r2::ObjectBody;
use crate::time::{LAST_MILLISECOND, from_millis, to_millis};

const VERSION: u32 = 1;
/// Maximum size of a lock's object, in bytes. No valid lock reaches it.
const MAX_SIZE: u64 = 16 * 1024;

/// The state of a lock: the JSON of its object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    version: u32,
    /// The token of the acquisition that wrote the record.
    pub(super) token: u64,
    /// The same in all writes of one acquisition, and different in all others.
    pub(super) nonce: String,
    /// The number of the write within the acquisition, so that no two writes have the same bytes.
    pub(super) writes: u32,
    pub(super) owner: Option<String>,
    /// Milliseconds since 1970, by the holder's clock. `None` after the release.
    pub(super) expires_at: Option<u64>,
}

impl Record {
    /// The first write of an acquisition.
    pub(super) fn acquired(
        token: u64,
        nonce: [u8; 16],
        owner: Option<String>,
        expires_at: SystemTime,
    ) -> Self {
        let expires_at = Some(to_millis(expires_at));
        Self { version: VERSION, token, nonce: hex::encode(nonce), writes: 0, owner, expires_at }
    }

    /// A later write of the same acquisition: a renewal, or the release if there is no expiry.
    pub(super) fn rewritten(&self, writes: u32, expires_at: Option<SystemTime>) -> Self {
        Self { writes, expires_at: expires_at.map(to_millis), ..self.clone() }
    }

    /// Whether the lock counts as held for everyone but its holder.
    pub(super) fn is_held(&self, now: SystemTime, clock_skew: Duration) -> bool {
        let margin = u64::try_from(clock_skew.as_millis()).unwrap_or(u64::MAX);
        self.expires_at.is_some_and(|expires_at| to_millis(now) < expires_at.saturating_add(margin))
    }

    pub(super) fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at.and_then(from_millis)
    }
}

/// A record and its etag.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) record: Record,
    pub(super) etag: String,
}

impl Seen {
    /// Reads a lock's object.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`]: the object is not a lock, or a lock of another version.
    pub(super) async fn read(object: ObjectBody) -> Result<Self> {
        let etag = object.etag.clone();
        if object.size > MAX_SIZE {
            return Err(no_lock(&format!("it has {} bytes", object.size)));
        }
        let record: Record = match Box::pin(object.json()).await {
            Err(error) if error.kind() == ErrorKind::Serialization => {
                return Err(no_lock(error.message()).with_source(error));
            }
            record => record?,
        };
        if record.version != VERSION {
            return Err(no_lock(&format!("its version is {}", record.version)));
        }
        if record.expires_at > Some(LAST_MILLISECOND) {
            return Err(no_lock("it expires after the year 9999"));
        }
        Ok(Self { record, etag })
    }
}

fn no_lock(why: &str) -> Error {
    let message = format!(
        "the object is not a lock of version {VERSION} ({why}) and was not changed: use another prefix, or a version of this \
         library that supports it"
    );
    Error::new(ErrorKind::Serialization, message)
}

/// Returns when a lease of `ttl` from `now` ends.
///
/// # Errors
/// [`ErrorKind::InvalidInput`]: it ends after the year 9999.
pub(super) fn lease_end(now: SystemTime, ttl: Duration) -> Result<SystemTime> {
    let end = now.checked_add(ttl).filter(|end| to_millis(*end) <= LAST_MILLISECOND);
    end.ok_or_else(|| Error::invalid_input(format!("a TTL of {ttl:?} ends after the year 9999")))
}

/// The state of a lock, returned by [`Locks::inspect`](super::Locks::inspect).
///
/// It serializes as `{"token": 7, "holder": {"owner": "a", "expiresAt": "2026-11-25T05:18:20.123Z"}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LockInfo {
    /// The token of the last acquisition.
    pub token: u64,
    /// The current holder, or the last one if the lock has expired. `None` after a release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
}

/// The holder of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Holder {
    /// The name that the holder has set with [`Locks::with_owner`](super::Locks::with_owner).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// When the lock expires unless it is renewed, by the holder's clock. Others can acquire it once their
    /// clock has passed this time by their clock skew.
    #[serde(with = "crate::time::rfc3339")]
    pub expires_at: SystemTime,
}

impl From<Record> for LockInfo {
    fn from(record: Record) -> Self {
        let holder = record.expires_at().map(|expires_at| Holder { owner: record.owner, expires_at });
        Self { token: record.token, holder }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn what_is_known_of_a_lock_serialises() {
        let json = |holder| serde_json::to_string(&LockInfo { token: 7, holder }).unwrap();
        let expires_at = UNIX_EPOCH + Duration::from_millis(1_795_583_900_123);
        let owned = Holder { owner: Some("a".to_owned()), expires_at };
        let owned_json = r#"{"token":7,"holder":{"owner":"a","expiresAt":"2026-11-25T05:18:20.123Z"}}"#;
        assert_eq!(json(Some(owned)), owned_json);
        let nameless = Holder { owner: None, expires_at };
        assert_eq!(json(Some(nameless)), r#"{"token":7,"holder":{"expiresAt":"2026-11-25T05:18:20.123Z"}}"#);
        assert_eq!(json(None), r#"{"token":7}"#);
    }
}
