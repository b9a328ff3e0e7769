//! Stores in the process: each put is synced to disk before it is acknowledged.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cloudflare_clients::LocalNamespace;
use cloudflare_clients::kv::KvClient;
use futures_util::TryStreamExt as _;
use redb::{ReadableDatabase as _, ReadableTable as _, TableDefinition};
use rusqlite::{Connection, OptionalExtension as _};

use crate::{CONCURRENCY, OURS, ROUNDS, Result, Samples, VALUE, at_once, check, keys, one_by_one};

const KEYS: usize = 10_000;
/// Of those, so many are put one after the other.
const ONE_BY_ONE: usize = 1000;

const PUT: &str = "put";
const PUT_ONE: &str = "put-alone";
const GET: &str = "get";
const LIST: &str = "list";

pub(crate) async fn measure() -> Result<Samples> {
    let mut samples = Samples::default();
    for round in 0..ROUNDS {
        let keys = keys(round, KEYS);
        ours(&keys, &mut samples).await?;
        let keys = &keys;
        tokio::task::block_in_place(|| {
            let folder = tempfile::tempdir()?;
            theirs("sqlite", &Arc::new(Sqlite::open(folder.path())?), keys, &mut samples)?;
            let folder = tempfile::tempdir()?;
            theirs("redb", &Arc::new(Redb::open(folder.path())?), keys, &mut samples)
        })?;
    }
    Ok(samples)
}

async fn ours(keys: &[String], samples: &mut Samples) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let kv = &KvClient::new(LocalNamespace::open(folder.path(), "bench").await?);
    let put = |key| async move { Ok(kv.put(key, VALUE).await?) };
    let (alone, rest) = keys.split_at(ONE_BY_ONE);
    samples.add(OURS, PUT_ONE, one_by_one(alone, put).await?, alone.len());
    samples.add(OURS, PUT, at_once(rest, put).await?, rest.len());
    let get = |key| async move { check(kv.get(key).bytes().await?.as_deref(), Some(VALUE)) };
    samples.add(OURS, GET, one_by_one(keys, get).await?, KEYS);
    let begun = Instant::now();
    let listed: Vec<_> = kv.list().stream().map_ok(|key| key.name).try_collect().await?;
    samples.add(OURS, LIST, begun.elapsed(), KEYS);
    check(listed.as_slice(), keys)
}

/// A store that is called from threads.
trait Store: Send + Sync {
    fn put(&self, key: &str) -> Result<()>;
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>>;
    fn list(&self) -> Result<Vec<String>>;
}

fn theirs<S: Store>(
    name: &'static str,
    store: &Arc<S>,
    keys: &[String],
    samples: &mut Samples,
) -> Result<()> {
    let (alone, rest) = keys.split_at(ONE_BY_ONE);
    let took = timed(|| alone.iter().try_for_each(|key| store.put(key)))?;
    samples.add(name, PUT_ONE, took, alone.len());
    let took = timed(|| {
        std::thread::scope(|scope| {
            let chunks = rest.chunks(rest.len().div_ceil(CONCURRENCY));
            let threads: Vec<_> =
                chunks.map(|keys| scope.spawn(|| keys.iter().try_for_each(|key| store.put(key)))).collect();
            threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread panicked")?)
        })
    })?;
    samples.add(name, PUT, took, rest.len());
    let took = timed(|| keys.iter().try_for_each(|key| check(store.get(key)?.as_deref(), Some(VALUE))))?;
    samples.add(name, GET, took, KEYS);
    let begun = Instant::now();
    let listed = store.list()?;
    samples.add(name, LIST, begun.elapsed(), KEYS);
    check(listed.as_slice(), keys)
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let begun = Instant::now();
    work()?;
    Ok(begun.elapsed())
}

/// A table of keys and values, a transaction a put.
struct Sqlite(Mutex<Connection>);

impl Sqlite {
    fn open(folder: &std::path::Path) -> Result<Self> {
        let connection = Connection::open(folder.join("bench.sqlite3"))?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE pairs (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;",
        )?;
        Ok(Self(Mutex::new(connection)))
    }

    fn with<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        Ok(work(&self.0.lock().unwrap_or_else(PoisonError::into_inner))?)
    }
}

impl Store for Sqlite {
    fn put(&self, key: &str) -> Result<()> {
        self.with(|connection| {
            let put = "INSERT INTO pairs VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value";
            connection.prepare_cached(put)?.execute((key, VALUE)).map(drop)
        })
    }

    fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        self.with(|connection| {
            let mut get = connection.prepare_cached("SELECT value FROM pairs WHERE key = ?1")?;
            get.query_row((key,), |row| row.get(0)).optional()
        })
    }

    fn list(&self) -> Result<Vec<String>> {
        self.with(|connection| {
            let mut list = connection.prepare_cached("SELECT key FROM pairs ORDER BY key")?;
            list.query_map((), |row| row.get(0))?.collect()
        })
    }
}

const PAIRS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("pairs");

/// A table of keys and values, a transaction a put.
struct Redb(redb::Database);

impl Redb {
    fn open(folder: &std::path::Path) -> Result<Self> {
        Ok(Self(redb::Database::create(folder.join("bench.redb"))?))
    }
}

impl Store for Redb {
    fn put(&self, key: &str) -> Result<()> {
        let write = self.0.begin_write()?;
        write.open_table(PAIRS)?.insert(key, VALUE)?;
        Ok(write.commit()?)
    }

    fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let table = self.0.begin_read()?.open_table(PAIRS)?;
        Ok(table.get(key)?.map(|value| value.value().to_vec()))
    }

    fn list(&self) -> Result<Vec<String>> {
        let table = self.0.begin_read()?.open_table(PAIRS)?;
        table.iter()?.map(|entry| Ok(entry?.0.value().to_owned())).collect()
    }
}
