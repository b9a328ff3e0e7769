//! The worker that writes: concurrent writes are committed together.

use std::cell::RefCell;
use std::io;
use std::ops::{ControlFlow, Deref};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, TryRecvError};
use std::time::SystemTime;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::blobs::{Blobs, PendingBlob};
use super::database::{
    Failure, MAX_WAIT_FOR_READS, MAX_WAIT_FOR_TRANSACTION, StoreResult, from_millis, to_millis, wait_at_most,
};
use super::events::Events;
use super::log::{log_of, write_again};
use super::reserve::Reserve;
use super::threads::Worker;
use super::unwritable::{is_full, is_full_for_sqlite, name_full_disk};
use crate::error::{Error, ErrorKind, Result};
use crate::mutation::{Mutation, is_mutated};
use crate::r2::{R2Action, R2Event};

/// Maximum number of jobs in one transaction: limits how long the first waits for the last.
const MAX_BATCH: usize = 256;

/// Maximum size of SQLite's log, in bytes: as long as reads overlap, SQLite never restarts it by itself.
const MAX_LOG: u64 = 16 * 1024 * 1024;

/// A transaction in progress.
pub(super) struct Write<'c> {
    connection: &'c Connection,
    /// The current time, in whole milliseconds.
    pub(super) now: SystemTime,
    /// Whether anybody listens for `events`.
    pub(super) are_events_heard: bool,
    /// The events so far, to be sent after the commit.
    pub(super) events: RefCell<Vec<R2Event>>,
}

impl Deref for Write<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl Write<'_> {
    /// Records an event, to be sent after the commit.
    pub(super) fn note(
        &self,
        action: R2Action,
        bucket: &str,
        key: &str,
        known: impl FnOnce(R2Event) -> R2Event,
    ) {
        if self.are_events_heard {
            let event = known(R2Event::new("", action, bucket, key, self.now));
            self.events.borrow_mut().push(event);
        }
    }
}

/// The handle of the worker. Dropping it waits until the worker has done its jobs.
#[derive(Debug)]
pub(super) struct Writer {
    // Dropped in this order: the worker ends when no job can come any more.
    jobs: Result<mpsc::Sender<Box<dyn Job>>>,
    worker: Option<Box<dyn Worker>>,
    reserve: Arc<Reserve>,
    folder: PathBuf,
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        blobs: Arc<Blobs>,
        events: Arc<Events>,
        reserve: Reserve,
        folder: PathBuf,
    ) -> std::io::Result<Self> {
        let reserve = Arc::new(reserve);
        let threads = Arc::clone(&blobs.platform.threads);
        let (jobs, received) = mpsc::channel();
        let log = connection.path().map(|path| log_of(Path::new(path))).unwrap_or_default();
        let removed = Vec::new();
        let mut committer = Committer {
            jobs: received,
            connection,
            blobs,
            events,
            reserve: Arc::clone(&reserve),
            removed,
            log,
            empty_log_at: MAX_LOG,
            is_log_doubtful: false,
        };
        let worker = threads.start_worker("cloudflare-local", Box::new(move || committer.run()))?;
        Ok(Self { jobs: Ok(jobs), worker: Some(worker), reserve, folder })
    }

    /// A writer that writes nothing and returns the reason.
    pub(super) fn refusing(reason: Error, reserve: Reserve, folder: PathBuf) -> Self {
        Self { jobs: Err(reason), worker: None, reserve: Arc::new(reserve), folder }
    }

    /// Returns why nothing is written, if the store is read-only.
    pub(super) fn refusal(&self) -> Option<&Error> {
        self.jobs.as_ref().err()
    }

    /// Like [`write`](Self::write), for operations that free space: on a full disk they may use the reserved
    /// space.
    pub(super) async fn make_room<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Write<'_>) -> StoreResult<T> + Clone + Send + 'static,
    {
        match self.write(Vec::new(), work.clone()).await {
            Err(error) if is_full(&error) && self.refusal().is_none() => {
                self.reserve.release();
                self.write(Vec::new(), work).await
            }
            result => result,
        }
    }

    /// Runs `work` in a transaction and returns once it is committed. If `work` fails, its changes are undone
    /// and `files`, which the database would refer to, are removed.
    pub(super) async fn write<T, F>(&self, files: Vec<PendingBlob>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Write<'_>) -> StoreResult<T> + Send + 'static,
    {
        let stopped = || Error::new(ErrorKind::Storage, "the store's writer has stopped");
        let (reply, answer) = oneshot::channel();
        let task = Task { work: Some(work), outcome: None, files, reply };
        self.jobs.as_ref().map_err(Error::clone)?.send(Box::new(task)).map_err(|_| stopped())?;
        self.worker.iter().for_each(|worker| worker.wake());
        answer.await.map_err(|_| stopped())?.map_err(|error| name_full_disk(error, &self.folder))
    }
}

trait Job: Send {
    /// Makes the changes. Fails if the state of the transaction is unknown, so that it must not be committed.
    fn run(&mut self, write: &Write<'_>) -> rusqlite::Result<()>;

    /// Reports the result to the caller.
    fn finish(self: Box<Self>, committed: std::result::Result<(), &rusqlite::Error>);
}

struct Task<T, F> {
    work: Option<F>,
    outcome: Option<Result<T>>,
    files: Vec<PendingBlob>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnOnce(&Write<'_>) -> StoreResult<T> + Send,
{
    fn run(&mut self, write: &Write<'_>) -> rusqlite::Result<()> {
        if let Some(work) = self.work.take() {
            self.outcome = Some(in_savepoint(write, work)?.map_err(Error::from));
        }
        Ok(())
    }

    fn finish(self: Box<Self>, committed: std::result::Result<(), &rusqlite::Error>) {
        let uncertain = committed.is_err_and(is_io_failure);
        let outcome = match (self.outcome, committed) {
            (Some(Err(error)), _) => Err(error),
            (Some(Ok(done)), Ok(())) => Ok(done),
            (Some(Ok(done)), Err(_)) if is_mutated(Mutation::CommitFailureAcknowledged) => Ok(done),
            (_, Err(error)) => {
                let failed = Error::new(ErrorKind::Storage, format!("the write was not committed: {error}"));
                let full = is_full_for_sqlite(error).then(|| io::Error::from(io::ErrorKind::StorageFull));
                Err(full.map_or(failed.clone(), |full| failed.with_source(full)))
            }
            (None, Ok(())) => Err(Error::new(ErrorKind::Storage, "the write was not executed")),
        };
        for file in self.files {
            if outcome.is_ok() {
                file.keep();
            } else if uncertain {
                file.leave();
            }
        }
        // Sending fails if the caller was cancelled.
        let _ = self.reply.send(outcome);
    }
}

/// Whether it is unknown what is on the disk.
fn is_io_failure(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::SystemIoFailure)
}

/// Runs `work`, and undoes its changes if it fails. The outer error means that they could not be undone.
fn in_savepoint<T>(
    write: &Write<'_>,
    work: impl FnOnce(&Write<'_>) -> StoreResult<T>,
) -> rusqlite::Result<StoreResult<T>> {
    write.prepare_cached("SAVEPOINT job")?.execute(())?;
    let events = write.events.borrow().len();
    let outcome = work(write);
    match outcome {
        // SQLite undoes the whole transaction on some errors, such as a full disk.
        Err(Failure::Sqlite(error)) if write.is_autocommit() => return Err(error),
        Err(_) => {
            write.events.borrow_mut().truncate(events);
            write.prepare_cached("ROLLBACK TO job")?.execute(())?
        }
        Ok(_) => 0,
    };
    write.prepare_cached("RELEASE job")?.execute(())?;
    Ok(outcome)
}

struct Committer {
    jobs: mpsc::Receiver<Box<dyn Job>>,
    connection: Connection,
    blobs: Arc<Blobs>,
    events: Arc<Events>,
    reserve: Arc<Reserve>,
    /// Files that are removed and still listed as garbage.
    removed: Vec<String>,
    /// SQLite's log, and the size at which to empty it.
    log: PathBuf,
    empty_log_at: u64,
    /// Whether a sync has failed since the log was last rewritten: some of it may not be on the disk.
    is_log_doubtful: bool,
}

impl Committer {
    /// Runs all waiting jobs.
    fn run(&mut self) -> ControlFlow<()> {
        loop {
            let first = match self.jobs.try_recv() {
                Ok(first) => first,
                Err(TryRecvError::Empty) => return ControlFlow::Continue(()),
                Err(TryRecvError::Disconnected) => break,
            };
            let mut batch = vec![first];
            batch.extend(self.jobs.try_iter().take(MAX_BATCH - 1));
            let committed = self.commit(&mut batch);
            if committed.as_ref().is_err_and(is_full_for_sqlite)
                && let Err(error) = self.empty_log()
            {
                // Done before anybody tries again: the content of the log is in the database then, and its
                // space is free.
                tracing::debug!(%error, "could not empty the database's log");
            }
            for job in batch {
                job.finish(committed.as_ref().copied());
            }
            if let Err(error) = self.remove_garbage() {
                tracing::warn!(%error, "could not remove unused files yet; they are removed later");
            }
            if let Err(error) = self.bound_log() {
                tracing::warn!(%error, "could not empty the database's log yet");
            }
        }
        if !self.removed.is_empty()
            && let Err(error) = self.commit(&mut [])
        {
            tracing::warn!(%error, "could not clear the list of removed files yet");
        }
        ControlFlow::Break(())
    }

    fn commit(&mut self, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
        if !self.connection.is_autocommit() {
            // A transaction that could not be undone was left open.
            self.connection.execute_batch("ROLLBACK")?;
        }
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let result = self.mend_log().and_then(|()| self.run_batch(batch));
        self.is_log_doubtful |= result.as_ref().is_err_and(is_io_failure);
        if result.is_err() && !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        self.events.tell(result?);
        self.removed.clear();
        Ok(())
    }

    /// Makes sure that everything acknowledged is on disk before anything else is committed.
    fn mend_log(&mut self) -> rusqlite::Result<()> {
        if self.is_log_doubtful {
            write_again(&*self.blobs.platform.disk, &self.log).map_err(|error| {
                let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC);
                let message = format!("{} cannot be synced: {error}", self.log.display());
                rusqlite::Error::SqliteFailure(code, Some(message))
            })?;
            self.is_log_doubtful = false;
        }
        Ok(())
    }

    /// Runs the jobs and commits. Returns the events to send.
    fn run_batch(&self, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<Vec<R2Event>> {
        let mut forget = self.connection.prepare_cached("DELETE FROM garbage WHERE blob = ?1")?;
        for blob in &self.removed {
            forget.execute((blob,))?;
        }
        let write = Write {
            connection: &self.connection,
            now: from_millis(to_millis(self.blobs.platform.runtime.now())),
            are_events_heard: self.events.are_heard(),
            events: RefCell::default(),
        };
        for job in batch {
            job.run(&write)?;
        }
        self.blobs.platform.disk.commit(&self.connection)?;
        Ok(write.events.into_inner())
    }

    /// Empties the log when it is large: no new read uses it while those in progress are waited for.
    fn bound_log(&mut self) -> rusqlite::Result<()> {
        let size = self.blobs.platform.disk.size(&self.log).unwrap_or(0);
        if size < self.empty_log_at {
            return Ok(());
        }
        // A read that does not end is not waited for after each write.
        self.empty_log_at = size + MAX_LOG;
        self.empty_log()
    }

    fn empty_log(&mut self) -> rusqlite::Result<()> {
        let threads = Arc::clone(&self.blobs.platform.threads);
        wait_at_most(&mut self.connection, &threads, MAX_WAIT_FOR_READS)?;
        let busy: rusqlite::Result<bool> =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0));
        wait_at_most(&mut self.connection, &threads, MAX_WAIT_FOR_TRANSACTION)?;
        if !busy? {
            self.empty_log_at = MAX_LOG;
        }
        Ok(())
    }

    fn remove_garbage(&mut self) -> std::result::Result<(), Error> {
        let listed = || -> StoreResult<Vec<String>> {
            let mut statement = self.connection.prepare_cached("SELECT blob FROM garbage")?;
            let blobs = statement.query_map((), |row| row.get(0))?;
            Ok(blobs.collect::<rusqlite::Result<_>>()?)
        };
        let listed = listed().map_err(|failure: Failure| Error::from(failure))?;
        let made_room = !listed.is_empty();
        for blob in listed {
            self.blobs.remove(&blob)?;
            self.removed.push(blob);
        }
        if made_room {
            self.reserve.refill();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::Duration;

    use futures_util::future::join_all;

    use super::*;
    use crate::r2::{Bucket as _, PutRequest};
    use crate::store::testing::{bucket, pattern};

    /// Reads all the time: each read starts before the previous one ends.
    fn overlapping_reads(store: &std::path::Path, stop: &AtomicBool) {
        let open = || Connection::open(store.join("store.sqlite3")).unwrap();
        let mut connections = [open(), open()];
        let begin = |connection: &Connection| {
            connection.execute_batch("BEGIN; SELECT count(*) FROM objects;").unwrap();
        };
        begin(&connections[0]);
        while !stop.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(5));
            begin(&connections[1]);
            connections[0].execute_batch("COMMIT").unwrap();
            connections.swap(0, 1);
        }
    }

    #[tokio::test]
    async fn the_log_stays_small_while_reads_overlap() {
        let (_folder, bucket) = bucket().await;
        let path = bucket.store().path().to_owned();
        let stop = Arc::new(AtomicBool::new(false));
        let reads = {
            let (path, stop) = (path.clone(), Arc::clone(&stop));
            thread::spawn(move || overlapping_reads(&path, &stop))
        };
        let mut largest = 0;
        for _ in 0..50 {
            let puts = (0..20).map(|key| bucket.put(PutRequest::new(format!("{key}"), pattern(60_000))));
            join_all(puts).await.into_iter().for_each(|stored| drop(stored.unwrap()));
            largest = largest.max(std::fs::metadata(path.join("store.sqlite3-wal")).unwrap().len());
        }
        stop.store(true, Ordering::Relaxed);
        reads.join().unwrap();
        assert!(largest < 2 * MAX_LOG, "the log had {largest} bytes");
    }
}
