use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cloudflare_clients::r2::{Bucket as _, DeleteRequest, GetRequest, PutRequest};
use cloudflare_clients::simulation::{Disk as _, Open, Platform, open_store};
use cloudflare_clients::{LocalStore, Runtime};
use futures_util::future::BoxFuture;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::*;
use crate::threads::{LONGEST_DELAY, ProcessThreads};

#[derive(Debug)]
struct Clock;

impl Runtime for Clock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(500_000 * 3600)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn random(&self) -> f64 {
        0.5
    }
}

async fn open(disk: &ProcessDisk) -> (LocalStore, ProcessThreads) {
    try_open(disk).await.unwrap()
}

async fn try_open(disk: &ProcessDisk) -> cloudflare_clients::Result<(LocalStore, ProcessThreads)> {
    let threads = ProcessThreads::new(fastrand::Rng::with_seed(1), LONGEST_DELAY);
    let platform = Platform {
        disk: Arc::new(disk.clone()),
        threads: Arc::new(threads.clone()),
        runtime: Arc::new(Clock),
    };
    let store = open_store(Path::new("/store"), platform).await?;
    threads.idle().await;
    Ok((store, threads))
}

async fn put(store: &LocalStore, key: &str, bytes: Vec<u8>) -> cloudflare_clients::Result<()> {
    store.bucket("media").unwrap().put(PutRequest::new(key, bytes)).await.map(drop)
}

async fn bytes(store: &LocalStore, key: &str) -> Option<Vec<u8>> {
    let object = store.bucket("media").unwrap().get(GetRequest::new(key)).await.unwrap()?;
    Some(object.body.bytes().await.unwrap().to_vec())
}

#[tokio::test(start_paused = true)]
async fn a_store_is_opened_written_killed_and_opened_again() {
    let machine = Machine::new(1);
    let process = machine.process();
    let (store, threads) = open(&process).await;
    store.create_bucket("media").await.unwrap();
    put(&store, "small", vec![1; 1000]).await.unwrap();
    put(&store, "large", vec![2; 300_000]).await.unwrap();
    assert_eq!(bytes(&store, "large").await, Some(vec![2; 300_000]));
    process.kill();
    assert!(put(&store, "small", vec![3]).await.is_err());
    threads.kill();
    drop(store);
    assert!(machine.list("/store").unwrap().contains(&"store.sqlite3-wal".to_owned()));

    let mut rng = fastrand::Rng::with_seed(1);
    for _ in 0..2 {
        let process = machine.process();
        let (store, _) = open(&process).await;
        assert_eq!(bytes(&store, "small").await, Some(vec![1; 1000]));
        assert_eq!(bytes(&store, "large").await, Some(vec![2; 300_000]));
        assert_eq!(store.scrub(|_, _| ()).await.unwrap().damaged, []);
        assert_eq!(machine.list("/store/instances").unwrap().len(), 1);
        assert_eq!(machine.list("/store/blobs").unwrap().len(), 1);
        drop(store);
        machine.power_loss(&mut rng);
    }
    assert!(!machine.list("/store").unwrap().contains(&"store.sqlite3-wal".to_owned()));
}

/// A system that forgets data that it could not sync reports success for the next sync.
#[tokio::test(start_paused = true)]
async fn what_a_failed_sync_forgot_is_written_again_before_anything_is_acknowledged() {
    let mut rng = fastrand::Rng::with_seed(1);
    let failing = || Faults { sync: 1.0, ..Faults::default() };
    let mut refused = 0;
    // In some of these, the log has a commit that is not synced. The seed decides what a failed sync forgets.
    for (changes, seed) in (10..16).flat_map(|changes| (0..6).map(move |seed| (changes, seed))) {
        let machine = Machine::new(seed);
        let process = machine.process();
        let (store, threads) = open(&process).await;
        store.create_bucket("media").await.unwrap();
        process.kill_after(changes);
        let unsynced = put(&store, "unsynced", vec![1; 5000]).await;
        process.kill();
        threads.kill();
        drop((store, threads));
        machine.set_faults(failing());
        refused += usize::from(try_open(&machine.process()).await.is_err());
        machine.set_faults(Faults::default());

        let process = machine.process();
        let (store, threads) = open(&process).await;
        machine.set_faults(failing());
        assert!(put(&store, "refused", vec![2; 5000]).await.is_err());
        machine.set_faults(Faults::default());
        put(&store, "acknowledged", vec![3; 5000]).await.unwrap();
        process.kill();
        threads.kill();
        drop((store, threads));
        machine.power_loss(&mut rng);
        let (store, _) = open(&machine.process()).await;
        assert!(bytes(&store, "acknowledged").await == Some(vec![3; 5000]), "after {changes} changes");
        if unsynced.is_ok() {
            assert!(bytes(&store, "unsynced").await == Some(vec![1; 5000]), "after {changes} changes");
        }
    }
    assert_eq!(refused, 36);
}

#[tokio::test(start_paused = true)]
async fn two_processes_share_a_store() {
    let machine = Machine::new(1);
    let (one, other) = (machine.process(), machine.process());
    let ((one, _), (other, _)) = (open(&one).await, open(&other).await);
    one.create_bucket("media").await.unwrap();
    put(&one, "key", b"one".to_vec()).await.unwrap();
    assert_eq!(bytes(&other, "key").await, Some(b"one".to_vec()));
    put(&other, "key", b"other".to_vec()).await.unwrap();
    assert_eq!(bytes(&one, "key").await, Some(b"other".to_vec()));
    assert_eq!(machine.list("/store/instances").unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_takes_reads_and_deletes() {
    trace::begin(false);
    let machine = Machine::new(1);
    let (store, _) = open(&machine.process()).await;
    store.create_bucket("media").await.unwrap();
    put(&store, "large", vec![2; 300_000]).await.unwrap();
    machine.full_after(100_000);
    let full = put(&store, "other", vec![1; 300_000]).await.unwrap_err();
    assert!(full.message().contains("no storage space"), "{full}");
    assert!(trace::end().counts.0[DISK_FAULTS] > 0);
    assert_eq!(bytes(&store, "large").await, Some(vec![2; 300_000]));
    store.bucket("media").unwrap().delete(DeleteRequest::new("large")).await.unwrap();
    assert_eq!(bytes(&store, "large").await, None);
    machine.set_faults(Faults::default());
    put(&store, "other", vec![1; 300_000]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn every_change_is_logged() {
    let machine = Machine::new(1);
    let lines = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&lines);
    machine.set_log(Some(Box::new(move |event, _| noted.lock().unwrap().push(event.to_string()))));
    let (store, _) = open(&machine.process()).await;
    store.create_bucket("media").await.unwrap();
    lines.lock().unwrap().clear();
    put(&store, "key", vec![2; 300_000]).await.unwrap();
    let lines = std::mem::take(&mut *lines.lock().unwrap());
    let words = ["create", "write", "write", "sync", "rename", "sync folder", "write"];
    for (line, word) in lines.iter().zip(words) {
        assert!(line.starts_with(&format!("process 0: {word} ")), "{line} is no {word}");
    }
    assert!(lines.contains(&"process 0: sync /store/store.sqlite3-wal".to_owned()));
}

fn connect(process: &ProcessDisk) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = process.connect(Path::new("/database"), flags).unwrap();
    assert_eq!(connection.path(), Some("/database"));
    connection
}

fn count(connection: &Connection) -> i64 {
    connection.query_row("SELECT count(*) FROM t", (), |row| row.get(0)).unwrap()
}

#[test]
fn sqlite_keeps_what_is_committed_in_every_journal_mode() {
    let mut rng = fastrand::Rng::with_seed(1);
    for mode in ["wal", "delete", "truncate", "persist"] {
        for seed in 0..20 {
            let machine = Machine::new(seed);
            let process = machine.process();
            let connection = connect(&process);
            connection
                .pragma_update_and_check(None, "journal_mode", mode, |row| row.get::<_, String>(0))
                .unwrap();
            connection.pragma_update(None, "synchronous", "extra").unwrap();
            connection.execute_batch("CREATE TABLE t (x)").unwrap();
            let process_of_root = process.clone();
            process_of_root.sync_folder(Path::new("/")).unwrap();
            process.kill_after(rng.u64(0..60));
            let mut committed = 0;
            while connection.execute("INSERT INTO t VALUES (randomblob(3000))", ()).is_ok() {
                committed += 1;
            }
            assert!(!process.is_alive());
            drop(connection);
            machine.power_loss(&mut rng);
            let found = count(&connect(&machine.process()));
            assert!(found == committed || found == committed + 1, "{mode}: {found} of {committed}");
        }
    }
}

#[test]
fn connections_of_processes_lock_each_other_out_until_they_are_killed() {
    for mode in ["wal", "delete"] {
        let machine = Machine::new(1);
        let (one, other) = (machine.process(), machine.process());
        let (first, second) = (connect(&one), connect(&other));
        first.pragma_update_and_check(None, "journal_mode", mode, |_| Ok(())).unwrap();
        first.execute_batch("CREATE TABLE t (x); BEGIN IMMEDIATE; INSERT INTO t VALUES (1)").unwrap();
        second.busy_timeout(Duration::ZERO).unwrap();
        let busy = second.execute_batch("BEGIN IMMEDIATE").unwrap_err();
        assert_eq!(busy.sqlite_error_code(), Some(ErrorCode::DatabaseBusy));
        assert_eq!(count(&second), 0);
        one.kill();
        second.execute_batch("INSERT INTO t VALUES (1), (2)").unwrap();
        assert!(first.execute_batch("COMMIT").is_err());
        drop(first);
        assert_eq!(count(&second), 2);
        assert_eq!(count(&connect(&machine.process())), 2);
    }
}

#[test]
fn sqlite_reports_what_fails() {
    let machine = Machine::new(1);
    let process = machine.process();
    let connection = connect(&process);
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())).unwrap();
    connection.execute_batch("CREATE TABLE t (x)").unwrap();
    let insert = || connection.execute("INSERT INTO t VALUES (randomblob(100000))", ());
    machine.full_after(10_000);
    assert_eq!(insert().unwrap_err().sqlite_error_code(), Some(ErrorCode::DiskFull));
    for faults in [Faults { write: 1.0, ..Faults::default() }, Faults { sync: 1.0, ..Faults::default() }] {
        machine.set_faults(faults);
        let error = insert().unwrap_err();
        assert_eq!(error.sqlite_error_code(), Some(ErrorCode::SystemIoFailure), "{error}");
    }
    machine.set_faults(Faults::default());
    insert().unwrap();
    assert_eq!(count(&connection), 1);
}

#[test]
fn a_reader_of_what_nobody_changes_needs_no_log() {
    let machine = Machine::new(1);
    let process = machine.process();
    connect(&process).execute_batch("CREATE TABLE t (x)").unwrap();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = process.connect(Path::new("file:/database?immutable=1"), flags).unwrap();
    assert_eq!(connection.path(), Some("/database"));
    assert_eq!(count(&connection), 0);
    assert_eq!(machine.list("/").unwrap(), ["database"]);
    let large = "CREATE TEMP TABLE s AS SELECT randomblob(1000) AS x; SELECT x FROM s ORDER BY x";
    connect(&process).execute_batch(large).unwrap();
    assert_eq!(machine.list("/").unwrap(), ["database"]);
}

#[test]
fn files_are_opened_as_on_the_operating_system() {
    let machine = Machine::new(1);
    let disk = machine.process();
    let path = Path::new("/file");
    let kind = |how| disk.open(path, how).unwrap_err().kind();
    assert_eq!(kind(Open::Read), io::ErrorKind::NotFound);
    assert_eq!(kind(Open::Write), io::ErrorKind::NotFound);
    disk.open(path, Open::Create).unwrap().write_all(b"long text").unwrap();
    disk.open(path, Open::Create).unwrap().write_all(b"short").unwrap();
    assert_eq!(kind(Open::CreateNew), io::ErrorKind::AlreadyExists);
    assert_eq!(machine.read("/file").unwrap(), b"shorttext");
    let mut file = disk.open(path, Open::Read).unwrap();
    assert!(file.write(b"x").is_err());
    assert_eq!(file.seek(SeekFrom::End(-4)).unwrap(), 5);
    let mut rest = String::new();
    file.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "text");

    let other = disk.open(path, Open::Read).unwrap();
    file.try_lock_shared().unwrap();
    other.try_lock_shared().unwrap();
    assert!(matches!(other.try_lock(), Err(std::fs::TryLockError::WouldBlock)));
    drop(file);
    other.try_lock().unwrap();
    let process = machine.process();
    let third = process.open(path, Open::Read).unwrap();
    assert!(matches!(third.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock)));
    disk.kill();
    third.try_lock().unwrap();
    assert!(disk.open(path, Open::Read).is_err());
    assert!(disk.size(path).is_err());

    process.create_folder(Path::new("/folder")).unwrap();
    process.remove(Path::new("/nothing")).unwrap();
    process.hard_link(path, Path::new("/folder/link")).unwrap();
    process.open(Path::new("/other"), Open::Create).unwrap();
    process.rename(Path::new("/other"), path).unwrap();
    assert_eq!(machine.read("/file").unwrap(), b"");
    assert_eq!(machine.read("/folder/link").unwrap(), b"shorttext");
    assert_eq!(machine.stored_bytes(), 4096);
}

#[test]
fn faults_are_injected_as_often_as_is_said() {
    trace::begin(false);
    let machine = Machine::new(1);
    let disk = machine.process();
    let mut file = disk.open(Path::new("/file"), Open::CreateNew).unwrap();
    machine.set_faults(Faults { write: 0.5, names: 1.0, ..Faults::default() });
    let failed = (0..100).filter(|_| file.write_all(b"bytes").is_err()).count();
    assert!((30..70).contains(&failed), "{failed}");
    assert!(disk.remove(Path::new("/file")).is_err());
    assert_eq!(trace::end().counts.0[DISK_FAULTS], failed as u64 + 1);
    machine.set_faults(Faults::default());
    machine.full_after(10_000);
    let mut written = 0;
    let full = loop {
        match file.write(&[1; 1000]) {
            Ok(bytes) => written += bytes,
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    assert!((8_000..14_000).contains(&written), "{written}");
}
