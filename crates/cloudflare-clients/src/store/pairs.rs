//! The rows of namespaces and their keys.

use rusqlite::{Connection, OptionalExtension as _, Row};

use super::cursor::{after_key, after_prefix, read_cursor, write_cursor};
use super::database::{StoreResult, read_key, to_millis};
use super::read::{Found, SegmentColumns, piece_columns};
use super::segments::{Segment, first_segment, new_body_of, remove_body};
use super::writer::Write;
use crate::error::{Error, ErrorKind, Result};
use crate::kv::{ListPage, ListRequest, ListedKey, Metadata};
use crate::model::kv::limits;
use crate::mutation::{Mutation, is_mutated};
use crate::r2::ServedRange;
use crate::time::{from_seconds, to_seconds};

/// Maximum number of expired keys that one write removes, so that no write is much slower than the others.
const MAX_EXPIRED: usize = 100;

/// Returns the number of a namespace.
pub(super) fn namespace_number(connection: &Connection, id: &str) -> StoreResult<i64> {
    let number = connection
        .prepare_cached("SELECT number FROM namespaces WHERE id = ?1")?
        .query_row((id,), |row| row.get(0))
        .optional()?;
    Ok(number.ok_or_else(|| no_such_namespace(id))?)
}

pub(super) fn no_such_namespace(id: &str) -> Error {
    Error::new(ErrorKind::NoSuchNamespace, format!("the store has no namespace {id:?}: create it first"))
        .with_code(crate::model::kv::error_code::NAMESPACE_NOT_FOUND.number.to_string())
}

/// The row of a key, without its value.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) expiration: Option<u64>,
    pub(super) metadata: Option<Metadata>,
}

pub(super) const FIND: &str = concat!(
    "SELECT body, pairs.size, expiration, metadata, ",
    piece_columns!(),
    " FROM namespaces \
     LEFT JOIN pairs ON namespace = number AND key = ?2 AND (expiration IS NULL OR expiration > ?3) \
     LEFT JOIN segments ON segments.id = ",
    first_segment!("body"),
    " WHERE namespaces.id = ?1"
);

/// Finds a key that has not expired at `now`, in seconds, and its value.
pub(super) fn find(
    connection: &Connection,
    namespace_id: &str,
    key: &str,
    now: u64,
) -> StoreResult<Option<Found<Pair>>> {
    let mut statement = connection.prepare_cached(FIND)?;
    let now = if is_mutated(Mutation::ExpiredValueServed) { 0 } else { now };
    let mut rows = statement.query((namespace_id, key.as_bytes(), now))?;
    let row = rows.next()?.ok_or_else(|| no_such_namespace(namespace_id))?;
    let Some(body) = row.get(0)? else { return Ok(None) };
    let (size, expiration) = (row.get(1)?, row.get(2)?);
    let range = ServedRange { offset: 0, length: size };
    let inline = SegmentColumns::new(row, 4).inline(key, size, range, None)?;
    let pair = Pair { expiration, metadata: read_metadata(row, 3)? };
    Ok(Some(Found { row: pair, body, range, inline }))
}

fn read_metadata(row: &Row<'_>, column: usize) -> StoreResult<Option<Metadata>> {
    let Some(json) = row.get::<_, Option<String>>(column)? else { return Ok(None) };
    let metadata = Metadata::from_json(json)
        .map_err(|error| error.with_kind(ErrorKind::Storage).explain("the store's database is damaged"))?;
    Ok(Some(metadata))
}

/// The properties of a new key.
#[derive(Debug)]
pub(super) struct NewPair {
    pub(super) key: String,
    pub(super) value: Segment,
    pub(super) expiration: Option<u64>,
    pub(super) metadata: Option<Metadata>,
}

/// Stores a value, replacing the existing one.
pub(super) fn replace(write: &Write<'_>, namespace: i64, new: &NewPair) -> StoreResult<()> {
    remove(write, namespace, &new.key)?;
    let body = new_body_of(write, &new.value)?;
    write
        .prepare_cached(
            "INSERT INTO pairs (namespace, key, body, size, expiration, metadata) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((
            namespace,
            new.key.as_bytes(),
            body,
            new.value.size,
            new.expiration,
            new.metadata.as_ref().map(Metadata::as_str),
        ))?;
    Ok(())
}

/// Deletes a key, if it exists.
pub(super) fn remove(write: &Write<'_>, namespace: i64, key: &str) -> StoreResult<()> {
    let body = write
        .prepare_cached("SELECT body FROM pairs WHERE namespace = ?1 AND key = ?2")?
        .query_row((namespace, key.as_bytes()), |row| row.get(0))
        .optional()?;
    let Some(body) = body else { return Ok(()) };
    write
        .prepare_cached("DELETE FROM pairs WHERE namespace = ?1 AND key = ?2")?
        .execute((namespace, key.as_bytes()))?;
    remove_body(write, body)
}

/// Removes some of the expired keys. Returns how many.
pub(super) fn expire(write: &Write<'_>) -> StoreResult<usize> {
    let bodies: Vec<i64> = write
        .prepare_cached("SELECT body FROM pairs WHERE expiration <= ?1 LIMIT ?2")?
        .query_map((to_millis(write.now) / 1000, MAX_EXPIRED), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for body in &bodies {
        write.prepare_cached("DELETE FROM pairs WHERE body = ?1")?.execute((body,))?;
        remove_body(write, *body)?;
    }
    Ok(bodies.len())
}

/// Deletes all keys of a namespace.
pub(super) fn remove_all(write: &Write<'_>, namespace: i64) -> StoreResult<()> {
    // A value is part 1 of its body.
    for statement in [
        "INSERT INTO garbage (blob) SELECT blob FROM pairs JOIN segments ON segments.id = body * 65536 + 1 \
         WHERE namespace = ?1 AND blob IS NOT NULL",
        "DELETE FROM segments WHERE id IN (SELECT body * 65536 + 1 FROM pairs WHERE namespace = ?1)",
        "DELETE FROM pairs WHERE namespace = ?1",
    ] {
        write.prepare_cached(statement)?.execute((namespace,))?;
    }
    Ok(())
}

/// A query for keys.
#[derive(Debug)]
pub(super) struct KeysQuery {
    /// The first key that may be on the page.
    from: Vec<u8>,
    /// The end of the keys that may be on the page, exclusive.
    end: Vec<u8>,
    limit: usize,
}

pub(super) const LIST: &str = "SELECT key, expiration, metadata FROM pairs \
                    WHERE namespace = ?1 AND key >= ?2 AND key < ?3 AND (expiration IS NULL OR expiration > ?4) ORDER BY key";

impl KeysQuery {
    pub(super) fn new(request: &ListRequest) -> Result<Self> {
        limits::validate_page_size(request.limit)?;
        let prefix = request.prefix.as_bytes();
        let cursor = request.cursor.as_deref().map(read_cursor).transpose()?.unwrap_or_default();
        let limit = request.limit.unwrap_or(1000) as usize;
        Ok(Self { from: cursor.max(prefix.to_vec()), end: after_prefix(prefix), limit })
    }

    pub(super) fn run(self, connection: &Connection, namespace: i64, now: u64) -> StoreResult<ListPage> {
        let mut statement = connection.prepare_cached(LIST)?;
        let mut rows = statement.query((namespace, &self.from, &self.end, now))?;
        let mut page = ListPage::new(Vec::new());
        while let Some(row) = rows.next()? {
            if page.keys.len() == self.limit {
                page.list_complete = false;
                page.cursor = page.keys.last().map(|last| write_cursor(&after_key(last.name.as_bytes())));
                break;
            }
            let expiration: Option<u64> = row.get(1)?;
            page.keys.push(ListedKey {
                name: read_key(row, 0)?,
                expiration: expiration.and_then(from_seconds),
                metadata: read_metadata(row, 2)?,
            });
        }
        Ok(page)
    }
}

/// The expiration, in seconds, of a key that is put at `now`. A time to live counts from the current second,
/// and takes precedence. Times that are out of range were rejected before.
pub(super) fn expiration(
    at: Option<std::time::SystemTime>,
    ttl: Option<std::time::Duration>,
    now: std::time::SystemTime,
) -> Option<u64> {
    ttl.map(|ttl| to_seconds(now).saturating_add(ttl.as_secs())).or(at.map(to_seconds))
}
