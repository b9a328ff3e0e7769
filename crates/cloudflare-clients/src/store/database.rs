//! The SQLite database: its connections, its schema's version, and its errors.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
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

/// What each version of the format adds to the one before.
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

/// How often what waits for another process looks whether it may go on. SQLite's own handler sleeps up to 100 ms at a time,
/// while a process that writes all the time begins its next transaction 0.1 ms after the last.
pub(super) const BUSY_INTERVAL: Duration = Duration::from_millis(1);

/// How long another process's transaction is waited for.
pub(super) const MAX_WAIT_FOR_TRANSACTION: Duration = Duration::from_secs(30);

/// How long the reads under way are waited for, when the log is to be emptied.
pub(super) const MAX_WAIT_FOR_READS: Duration = Duration::from_secs(1);

/// What stands for itself in a path of a URI.
const URI_PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');

/// How many reads run at a time. They are short; more would only contend for the processor.
const READERS: usize = 8;

/// Why a statement, or what surrounds it, failed.
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

/// The error for a file operation that failed.
pub(super) fn storage(path: &Path, what: &str, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Storage, format!("{} {what}: {error}", path.display())).with_source(error)
}

/// Opens a connection that writes, and creates what is not there yet.
pub(super) fn open(platform: &Platform, path: &Path) -> Result<Connection> {
    let opened = || -> StoreResult<Connection> {
        let mut connection = connect(platform, path, Access::Write)?;
        let journal: String =
            connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
        if journal != "wal" {
            return Err(Error::new(
                ErrorKind::Storage,
                "its file system has no shared memory, which several processes need: keep the store on a local disk",
            )
            .into());
        }
        connection.pragma_update(None, "synchronous", "full")?;
        // On Apple's systems a sync without these stops at the drive's cache.
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "checkpoint_fullfsync", true)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // What is deleted within a page is overwritten there.
        connection.pragma_update_and_check(None, "secure_delete", "fast", |_| Ok(()))?;
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        // What a killed process wrote to the log and did not sync is committed from here on: nobody may act on it before it
        // is synced, such as by removing the files that it let go of.
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

/// Brings the database to the newest version of the format.
pub(super) fn migrate(connection: &Connection) -> StoreResult<()> {
    let version: usize = connection.query_row("PRAGMA user_version", (), |row| row.get(0))?;
    let known = VERSIONS.len();
    let Some(missing) = VERSIONS.get(version..) else {
        return Err(Error::new(
            ErrorKind::Storage,
            format!(
                "the store has format {version} and this version knows {known}: open it with the newer version that made it"
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

/// What connections may do with the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Write,
    /// Where nothing can be written, and somebody else has left the database open or was killed.
    Read,
    /// The same without a log of SQLite's: nobody else has the database open.
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
    Ok(connection)
}

/// The [URI](https://www.sqlite.org/uri.html) of a database that nobody changes: then SQLite needs no log and
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
                "the store has format {version} and this version reads {}: make it writable, so that it is upgraded, or \
                 use the version that made it",
                VERSIONS.len()
            ),
        )),
    }
}

/// Has SQLite wait for other connections in the way of this one.
pub(super) fn wait_at_most(
    connection: &mut Connection,
    threads: &Arc<dyn Threads>,
    most: Duration,
) -> rusqlite::Result<()> {
    let threads = Arc::clone(threads);
    let mut began = threads.monotonic();
    connection.busy_handler(Some(move |looks: i32| {
        if looks == 0 {
            began = threads.monotonic();
        }
        threads.pause(BUSY_INTERVAL);
        threads.monotonic().saturating_sub(began) < most
    }))
}

/// Connections that read.
#[derive(Debug)]
pub(super) struct Readers {
    platform: Platform,
    path: PathBuf,
    access: Access,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(platform: Platform, path: PathBuf, access: Access) -> Self {
        Self { platform, path, access, idle: Mutex::default(), permits: Arc::new(Semaphore::new(READERS)) }
    }

    /// Runs `work` off the async threads, seeing one state of the database throughout.
    pub(super) async fn read<T, F>(self: &Arc<Self>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> StoreResult<T> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let readers = Arc::clone(self);
        let work = move || {
            let _permit = permit;
            let connection = readers.take()?;
            let outcome = snapshot(&connection, work);
            // A connection whose transaction could not be ended is not used again.
            if connection.is_autocommit() {
                readers.idle().push(connection);
            }
            outcome.map_err(Error::from)
        };
        self.platform.blocking(work).await
    }

    /// A connection of its own that sees one state of the database, that of now, as long as it lives.
    pub(super) fn begin(&self) -> StoreResult<Connection> {
        let connection = self.connect()?;
        connection.execute_batch("BEGIN; SELECT count(*) FROM next_body;")?;
        Ok(connection)
    }

    fn take(&self) -> Result<Connection> {
        if let Some(connection) = self.idle().pop() {
            return Ok(connection);
        }
        self.connect().map_err(|error| Failure::from(error).into())
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = connect(&self.platform, &self.path, self.access)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        lock(&self.idle)
    }
}

fn snapshot<T>(connection: &Connection, work: impl FnOnce(&Connection) -> StoreResult<T>) -> StoreResult<T> {
    let transaction = connection.unchecked_transaction()?;
    let outcome = work(&transaction);
    // Some failures have ended it.
    transaction.finish()?;
    outcome
}

/// A time from the database.
pub(super) fn from_millis(millis: u64) -> SystemTime {
    time::from_millis(millis).unwrap_or(UNIX_EPOCH)
}

/// 32 random hex characters.
pub(super) fn random_hex(connection: &Connection) -> rusqlite::Result<String> {
    connection.prepare_cached("SELECT lower(hex(randomblob(16)))")?.query_row((), |row| row.get(0))
}

/// The key in a column.
pub(super) fn read_key(row: &Row<'_>, column: usize) -> StoreResult<String> {
    String::from_utf8(row.get(column)?).map_err(|error| malformed("a key", &error).into())
}

/// The error for what this code never writes.
pub(super) fn malformed(what: &str, why: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::Storage, format!("the store's database is damaged: {what} is malformed: {why}"))
}
