//! A request whose token is accepted.

use bytes::{Bytes, BytesMut};
use cloudflare_clients::kv::rest::error_code::{
    ILLEGAL_KEY, INVALID_EXPIRATION, INVALID_EXPIRATION_TTL, INVALID_METADATA, INVALID_REQUEST, KEY_TOO_LONG,
    MALFORMED_VALUE, TOO_LARGE,
};
use cloudflare_clients::kv::{
    MAX_BULK_BYTES, MAX_KEY_SIZE, MAX_METADATA_SIZE, MAX_VALUE_SIZE, MIN_EXPIRATION_TTL, Metadata,
};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::error::KvError;
use super::operation::Target;
use crate::body::Slot;
use crate::uri::Query;

/// A request whose token is accepted.
pub(super) struct Request {
    /// Empty for operations on the account.
    pub(super) namespace_id: String,
    /// Empty for operations on a namespace.
    pub(super) key: String,
    pub(super) query: Query,
    pub(super) headers: HeaderMap,
    pub(super) body: Slot,
}

impl Request {
    pub(super) fn new(target: Target, parts: Parts, body: Slot) -> Result<Self, KvError> {
        let Target { namespace_id, key, .. } = target;
        let query = Query::parse(parts.uri.query().unwrap_or_default())
            .map_err(|_| KvError::new(INVALID_REQUEST, "the query is not encoded UTF-8"))?;
        Ok(Self { namespace_id, key, query, headers: parts.headers, body })
    }

    /// The JSON of a body of 100 MB at most.
    pub(super) async fn json<T: DeserializeOwned>(&self) -> Result<T, KvError> {
        let document = self.document(MAX_BULK_BYTES).await?;
        serde_json::from_slice(&document).map_err(|error| {
            KvError::new(MALFORMED_VALUE, format!("the body cannot be read as JSON: {error}"))
        })
    }

    async fn document(&self, limit: usize) -> Result<Bytes, KvError> {
        let mut reading = self.body.read();
        let mut document = BytesMut::new();
        while let Some(piece) = reading.next().await? {
            if document.len() + piece.len() > limit {
                return Err(TOO_LARGE.into());
            }
            document.extend_from_slice(&piece);
        }
        Ok(document.freeze())
    }

    /// A number of the query.
    pub(super) fn number(&self, name: &str) -> Option<Result<u64, String>> {
        self.query.get(name).map(|text| text.trim().parse().map_err(|_| text.to_owned()))
    }
}

/// Refuses what KV does not take as a key.
pub(super) fn check_key(key: &str) -> Result<(), KvError> {
    match key.len() {
        0 => Err(KvError::new(ILLEGAL_KEY, "Key names cannot be empty.")),
        _ if key == "." || key == ".." => {
            Err(KvError::new(ILLEGAL_KEY, format!("\"{key}\" is not allowed as a key name.")))
        }
        1..=MAX_KEY_SIZE => Ok(()),
        length => Err(KvError::new(
            KEY_TOO_LONG,
            format!("UTF-8 encoded length of {length} exceeds key length limit of {MAX_KEY_SIZE}."),
        )),
    }
}

pub(super) fn check_value_size(length: u64) -> Result<(), KvError> {
    if length <= MAX_VALUE_SIZE {
        return Ok(());
    }
    Err(KvError::new(TOO_LARGE, format!("Value length of {length} exceeds limit of {MAX_VALUE_SIZE}.")))
}

pub(super) fn check_metadata(metadata: Option<Metadata>) -> Result<Option<Metadata>, KvError> {
    let metadata = metadata.and_then(Metadata::unless_null);
    match metadata.as_ref().map_or(0, |metadata| metadata.as_str().len()) {
        0..=MAX_METADATA_SIZE => Ok(metadata),
        length => Err(KvError::new(
            INVALID_METADATA,
            format!("Metadata length of {length} exceeds limit of {MAX_METADATA_SIZE}."),
        )
        .with_status(StatusCode::PAYLOAD_TOO_LARGE)),
    }
}

/// When a key is to expire: `expiration` in seconds since 1970, and `expiration_ttl` in seconds, which wins.
pub(super) struct Expiry {
    pub(super) at: Option<SystemTime>,
    pub(super) ttl: Option<Duration>,
}

impl Expiry {
    pub(super) fn of_query(request: &Request, now: SystemTime) -> Result<Self, KvError> {
        let number = |name, code| match request.number(name) {
            None => Ok(None),
            Some(Ok(seconds)) => Ok(Some(seconds)),
            Some(Err(given)) => Err(KvError::new(
                code,
                format!("Invalid {name} of {given}. Please specify integer greater than 0."),
            )),
        };
        let expiration = number("expiration", INVALID_EXPIRATION)?;
        Self::new(expiration, number("expiration_ttl", INVALID_EXPIRATION_TTL)?, now)
    }

    pub(super) fn new(expiration: Option<u64>, ttl: Option<u64>, now: SystemTime) -> Result<Self, KvError> {
        let least = MIN_EXPIRATION_TTL.as_secs();
        if let Some(ttl) = ttl.filter(|ttl| *ttl < least) {
            let message =
                format!("Invalid expiration_ttl of {ttl}. Expiration TTL must be at least {least}.");
            return Err(KvError::new(INVALID_EXPIRATION_TTL, message));
        }
        let at = expiration.map(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
        let soon = at.filter(|at| at.is_none_or(|at| at < now + MIN_EXPIRATION_TTL));
        if let (Some(_), Some(given), None) = (soon, expiration, ttl) {
            let message = format!(
                "Invalid expiration of {given}. Expiration times must be at least {least} seconds in the future."
            );
            return Err(KvError::new(INVALID_EXPIRATION, message));
        }
        // A time to live wins, and what it wins over is not looked at.
        Ok(Self { at: at.flatten().filter(|_| ttl.is_none()), ttl: ttl.map(Duration::from_secs) })
    }
}
