//! The SQLite database: its connections, the version of its schema, and its errors.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Row};
use tokio::sync::Semaphore;

use super::log::{log_of, write_again};
use super::platform::Platform;
use super::threads::Threads;
use crate::error::{Error, ErrorKind, Result};
use crate::mutation::{Mutation, is_mutated};
use crate::sync::lock;
use crate::time;
pub(super) use crate::time::to_millis;

/// What each version of the format adds to the previous one.
pub(super) const VERSIONS: [&str; 9] = [
    include_str!("schema/1_buckets.sql"),
    include_str!("schema/2_namespaces.sql"),
    include_str!("schema/3_checksums.sql"),
    include_str!("schema/4_ended_uploads.sql"),
    include_str!("schema/5_parts.sql"),
    include_str!("schema/6_bucket_settings.sql"),
    include_str!("schema/7_composite_checksums.sql"),
    include_str!("schema/8_customer_keys.sql"),
    include_str!("schema/9_lifecycle.sql"),
];

/// How often to check whether another process is done. SQLite's own handler sleeps up to 100 ms at a time,
/// while a process that writes all the time starts its next transaction 0.1 ms after the last.
pub(super) const BUSY_INTERVAL: Duration = Duration::from_millis(1);

/// Maximum time to wait for another process's transaction.
pub(super) const MAX_WAIT_FOR_TRANSACTION: Duration = Duration::from_secs(30);

/// Maximum time to wait for reads in progress when the log is to be truncated.
pub(super) const MAX_WAIT_FOR_READS: Duration = Duration::from_secs(1);

/// Characters that need no encoding in the path of a URI.
const URI_PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');

/// Maximum number of concurrent reads. They are short; more would only contend for the processor.
const READERS: usize = 8;

/// Maximum time that a lookup may take on an async thread: enough to read a few pages from the disk.
const QUICK: Duration = Duration::from_micros(250);

/// After a lookup that took longer than [`QUICK`], async threads run none for this many times as long.
const REST: u32 = 20;

/// Why work on the database failed.
#[derive(Debug)]
pub(super) enum Failure {
    Refused(Error),
    Sqlite(rusqlite::Error),
}

/// The result of work on the database.
pub(super) type StoreResult<T> = std::result::Result<T, Failure>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(error) => error,
            Failure::Sqlite(error) => {
                Error::new(ErrorKind::Storage, format!("the store's database failed: {error}"))
                    .with_source(error)
            }
        }
    }
}

/// The error of a failed file operation.
pub(super) fn storage(path: &Path, what: &str, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Storage, format!("{} {what}: {error}", path.display())).with_source(error)
}

/// Opens a connection that writes, and creates the database if it does not exist.
pub(super) fn open(platform: &Platform, path: &Path) -> Result<Connection> {
    let opened = || -> StoreResult<Connection> {
        let mut connection = connect(platform, path, Access::Write)?;
        let journal: String =
            connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
        if journal != "wal" {
            return Err(Error::new(
                ErrorKind::Storage,
                "its file system does not support shared memory, which several processes need: put the store on a local disk",
            )
            .into());
        }
        connection.pragma_update(None, "synchronous", "full")?;
        // On Apple's systems a sync without these stops at the drive's cache.
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "checkpoint_fullfsync", true)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // Content that is deleted within a page is overwritten.
        connection.pragma_update_and_check(None, "secure_delete", "fast", |_| Ok(()))?;
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        // Bytes that a killed process wrote to the log without syncing count as committed from here on. They
        // must be synced before anybody acts on them, for example by removing the files that they released.
        if !is_mutated(Mutation::LogNotSynced) {
            let log = log_of(path);
            write_again(&*platform.disk, &log).map_err(|e| storage(&log, "cannot be synced", e))?;
        }
        migrate(&transaction)?;
        transaction.commit()?;
        Ok(connection)
    };
    opened().map_err(|failure| Error::from(failure).explain(format!("{} cannot be opened", path.display())))
}

/// Upgrades the database to the newest version of the format.
pub(super) fn migrate(connection: &Connection) -> StoreResult<()> {
    let version: usize = connection.query_row("PRAGMA user_version", (), |row| row.get(0))?;
    let known = VERSIONS.len();
    let Some(missing) = VERSIONS.get(version..) else {
        return Err(Error::new(
            ErrorKind::Storage,
            format!(
                "the store has format {version}, and this version supports up to {known}: open it with the newer version that wrote it"
            ),
        )
        .into());
    };
    missing.iter().try_for_each(|schema| connection.execute_batch(schema))?;
    if !missing.is_empty() {
        connection.pragma_update(None, "user_version", known)?;
    }
    Ok(())
}

/// How a connection may use the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Write,
    /// For a store that cannot be written, while another process has the database open or was killed.
    Read,
    /// The same without SQLite's log: no other process has the database open.
    ReadUnchanging,
}

fn connect(platform: &Platform, path: &Path, access: Access) -> rusqlite::Result<Connection> {
    let path = match access {
        Access::ReadUnchanging => immutable(path),
        Access::Write | Access::Read => path.to_owned(),
    };
    let how = match access {
        Access::Write => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        Access::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Access::ReadUnchanging => OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI,
    };
    let mut connection = platform.disk.connect(&path, how | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    wait_at_most(&mut connection, &platform.threads, MAX_WAIT_FOR_TRANSACTION)?;
    connection.set_prepared_statement_cache_capacity(64);
    // A query plan is used for all values: otherwise SQLite planned some queries again for each bound value.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// The [URI](https://www.sqlite.org/uri.html) of a database that nobody changes: SQLite then needs no log and
/// no locks.
fn immutable(path: &Path) -> PathBuf {
    let path = percent_encode(path.as_os_str().as_encoded_bytes(), URI_PATH);
    format!("file:{path}?immutable=1").into()
}

/// Checks that a database that cannot be upgraded has the newest version of the format.
pub(super) fn check_version(platform: &Platform, path: &Path, access: Access) -> Result<()> {
    let version = || -> StoreResult<usize> {
        let connection = connect(platform, path, access)?;
        Ok(connection.query_row("PRAGMA user_version", (), |row| row.get(0))?)
    };
    match version()? {
        version if version == VERSIONS.len() => Ok(()),
        version => Err(Error::new(
            ErrorKind::Storage,
            format!(
                "the store has format {version}, and this version reads {}: make the store writable, so that it is upgraded, or \
                 use the version that wrote it",
                VERSIONS.len()
            ),
        )),
    }
}

/// Makes SQLite wait for other connections that block this one.
pub(super) fn wait_at_most(
    connection: &mut Connection,
    threads: &Arc<dyn Threads>,
    most: Duration,
) -> rusqlite::Result<()> {
    wait_while(connection, threads, most, Arc::new(AtomicBool::new(true)))
}

/// Like [`wait_at_most`], but only while `may_wait` is true.
fn wait_while(
    connection: &mut Connection,
    threads: &Arc<dyn Threads>,
    most: Duration,
    may_wait: Arc<AtomicBool>,
) -> rusqlite::Result<()> {
    let threads = Arc::clone(threads);
    let mut began = threads.monotonic();
    connection.busy_handler(Some(move |looks: i32| {
        if !may_wait.load(Ordering::Relaxed) {
            return false;
        }
        if looks == 0 {
            began = threads.monotonic();
        }
        threads.pause(BUSY_INTERVAL);
        threads.monotonic().saturating_sub(began) < most
    }))
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
}

/// Connections for reading.
#[derive(Debug)]
pub(super) struct Readers {
    platform: Platform,
    path: PathBuf,
    access: Access,
    idle: Mutex<Vec<Reader>>,
    permits: Arc<Semaphore>,
    pace: Pace,
}

/// A connection for reading.
#[derive(Debug)]
struct Reader {
    connection: Connection,
    /// Whether it waits for other connections that block it, or fails as busy.
    may_wait: Arc<AtomicBool>,
}

/// Whether reads are fast enough to run on the caller's thread.
#[derive(Debug, Default)]
struct Pace {
    /// The earliest time for that, in nanoseconds of the platform's clock.
    from: AtomicU64,
}

impl Pace {
    fn allows(&self, now: Duration) -> bool {
        nanos(now) >= self.from.load(Ordering::Relaxed)
    }

    fn note(&self, began: Duration, ended: Duration) {
        let took = ended.saturating_sub(began);
        if took > QUICK {
            self.from.fetch_max(nanos(ended + took * REST), Ordering::Relaxed);
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Readers {
    pub(super) fn new(platform: Platform, path: PathBuf, access: Access) -> Self {
        let permits = Arc::new(Semaphore::new(READERS));
        Self { platform, path, access, idle: Mutex::default(), permits, pace: Pace::default() }
    }

    /// Looks something up that is in few pages of the database. The lookup sees one consistent state.
    ///
    /// It runs on the caller's thread, in a tenth of the time of a hop to another thread, as long as such
    /// lookups take at most [`QUICK`]: the pages are in memory then, and no other connection is in the way.
    /// After a slower lookup, further ones hop for [`REST`] times as long. So an async thread spends at most
    /// a twentieth of its time waiting for the disk.
    pub(super) async fn look_up<T, F>(self: &Arc<Self>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> StoreResult<T> + Send + 'static,
    {
        match self.try_here(|connection| snapshot(connection, &work)).await {
            Some(found) => found,
            None => self.read(work).await,
        }
    }

    /// Like [`look_up`](Self::look_up), for a single statement, which sees a consistent state by itself.
    pub(super) async fn look_up_at_once<T, F>(self: &Arc<Self>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> StoreResult<T> + Send + 'static,
    {
        match self.try_here(&work).await {
            Some(found) => found,
            None => self.read(work).await,
        }
    }

    /// Runs a lookup on this thread. `None` if it cannot run here now.
    async fn try_here<T>(&self, work: impl Fn(&Connection) -> StoreResult<T>) -> Option<Result<T>> {
        // A task that looks up thousands of keys lets other tasks of its thread run in between.
        tokio::task::coop::consume_budget().await;
        let threads = &self.platform.threads;
        let began = threads.monotonic();
        if !self.pace.allows(began) {
            return None;
        }
        let _permit = self.permits.try_acquire().ok()?;
        let reader = self.idle().pop()?;
        reader.may_wait.store(false, Ordering::Relaxed);
        let found = work(&reader.connection);
        reader.may_wait.store(true, Ordering::Relaxed);
        self.pace.note(began, threads.monotonic());
        self.give_back(reader);
        match found {
            Err(Failure::Sqlite(error)) if is_busy(&error) => None,
            found => Some(found.map_err(Error::from)),
        }
    }

    /// Runs `work` off the async threads. It sees one consistent state of the database.
    pub(super) async fn read<T, F>(self: &Arc<Self>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> StoreResult<T> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let readers = Arc::clone(self);
        let work = move || {
            let _permit = permit;
            let reader = readers.take()?;
            let outcome = snapshot(&reader.connection, work);
            readers.give_back(reader);
            outcome.map_err(Error::from)
        };
        self.platform.blocking(work).await
    }

    /// Opens a separate connection that sees the current state of the database for its lifetime.
    pub(super) fn begin(&self) -> StoreResult<Connection> {
        let Reader { connection, .. } = self.connect()?;
        connection.execute_batch("BEGIN; SELECT count(*) FROM next_body;")?;
        Ok(connection)
    }

    fn take(&self) -> Result<Reader> {
        if let Some(reader) = self.idle().pop() {
            return Ok(reader);
        }
        self.connect().map_err(|error| Failure::from(error).into())
    }

    /// Returns a connection to the pool. A connection whose transaction could not be ended is not reused.
    fn give_back(&self, reader: Reader) {
        if reader.connection.is_autocommit() {
            self.idle().push(reader);
        }
    }

    fn connect(&self) -> rusqlite::Result<Reader> {
        let mut connection = connect(&self.platform, &self.path, self.access)?;
        connection.pragma_update(None, "query_only", true)?;
        let may_wait = Arc::new(AtomicBool::new(true));
        wait_while(&mut connection, &self.platform.threads, MAX_WAIT_FOR_TRANSACTION, Arc::clone(&may_wait))?;
        Ok(Reader { connection, may_wait })
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Reader>> {
        lock(&self.idle)
    }
}

fn snapshot<T>(connection: &Connection, work: impl FnOnce(&Connection) -> StoreResult<T>) -> StoreResult<T> {
    connection.prepare_cached("BEGIN")?.execute(())?;
    let outcome = work(connection);
    // Some errors have ended the transaction already.
    if !connection.is_autocommit() {
        connection.prepare_cached("ROLLBACK")?.execute(())?;
    }
    outcome
}

/// A time in the database.
pub(super) fn from_millis(millis: u64) -> SystemTime {
    time::from_millis(millis).unwrap_or(UNIX_EPOCH)
}

/// Returns 32 random hex characters.
pub(super) fn random_hex(connection: &Connection) -> rusqlite::Result<String> {
    connection.prepare_cached("SELECT lower(hex(randomblob(16)))")?.query_row((), |row| row.get(0))
}

/// The key in a column.
pub(super) fn read_key(row: &Row<'_>, column: usize) -> StoreResult<String> {
    String::from_utf8(row.get(column)?).map_err(|error| malformed("a key", &error).into())
}

/// The error for content that this code never writes.
pub(super) fn malformed(what: &str, why: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::Storage, format!("the store's database is damaged: {what} is malformed: {why}"))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use rusqlite::StatementStatus;

    use super::*;
    use crate::kv::{self, Namespace as _};
    use crate::r2::{Bucket as _, GetRequest, HeadRequest, ListRequest, PutRequest};
    use crate::runtime::TokioRuntime;
    use crate::store::testing::bucket;
    use crate::store::{LocalNamespace, listing, objects, pairs};

    #[test]
    fn look_ups_rest_after_one_that_was_not_quick() {
        let pace = Pace::default();
        let at = Duration::from_micros;
        assert!(pace.allows(at(0)));
        pace.note(at(0), at(250));
        assert!(pace.allows(at(250)));
        pace.note(at(1_000), at(2_000));
        assert!(!pace.allows(at(21_999)));
        assert!(pace.allows(at(22_000)));
    }

    #[tokio::test]
    async fn statements_are_planned_once_for_all_values() {
        let (_folder, bucket) = bucket().await;
        let namespace = LocalNamespace::open_in(bucket.store(), "sessions").await.unwrap();
        for key in ["a", "b", "c"] {
            bucket.put(PutRequest::new(key, "1")).await.unwrap();
            bucket.head(HeadRequest::new(key)).await.unwrap().unwrap();
            bucket.get(GetRequest::new(key)).await.unwrap().unwrap();
            bucket.list(ListRequest { prefix: key.to_owned(), ..ListRequest::default() }).await.unwrap();
            namespace.put(kv::PutRequest::new(key, "1")).await.unwrap();
            namespace.get(kv::GetRequest::new(key)).await.unwrap().unwrap();
            namespace
                .list(kv::ListRequest { prefix: key.to_owned(), ..kv::ListRequest::default() })
                .await
                .unwrap();
        }
        let statements =
            [objects::FIND, objects::FIND_WITH_SEGMENT, listing::SELECT_OBJECTS, pairs::FIND, pairs::LIST];
        let counts = move |connection: &Connection| {
            let count = |sql| -> StoreResult<_> {
                let statement = connection.prepare_cached(sql)?;
                let [runs, plans] = [StatementStatus::Run, StatementStatus::RePrepare];
                Ok((statement.get_status(runs) > 1, statement.get_status(plans)))
            };
            statements.into_iter().map(count).collect::<StoreResult<Vec<_>>>()
        };
        let counts = bucket.store().shared().readers.read(counts).await.unwrap();
        assert_eq!(counts, [(true, 0); 5]);
    }

    #[tokio::test]
    async fn look_ups_run_here_unless_they_would_wait() {
        let folder = tempfile::tempdir().unwrap();
        let (platform, path) = (Platform::new(Arc::new(TokioRuntime)), folder.path().join("store.sqlite3"));
        let _writer = open(&platform, &path).unwrap();
        let readers = Arc::new(Readers::new(platform, path, Access::Write));
        let here = thread::current().id();
        let is_here = move |_: &Connection| Ok(thread::current().id() == here);
        assert!(!readers.look_up(is_here).await.unwrap(), "no connection is open yet");
        assert!(readers.look_up(is_here).await.unwrap());

        let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
        let is_busy_here = move |connection: &Connection| {
            if is_here(connection)? {
                return Err(rusqlite::Error::SqliteFailure(busy, None).into());
            }
            Ok("waited")
        };
        assert_eq!(readers.look_up(is_busy_here).await.unwrap(), "waited");
        assert!(readers.look_up(is_here).await.unwrap());

        let slow = |_: &Connection| {
            thread::sleep(4 * QUICK);
            Ok(())
        };
        readers.look_up(slow).await.unwrap();
        assert!(!readers.look_up(is_here).await.unwrap(), "the one before was slow");
    }
}
