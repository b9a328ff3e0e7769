//! Acknowledged writes of the embedded store exist after the process was killed, and nothing is half-written.
#![cfg(unix)]
// Everything here is test code, including the helpers.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeSet, HashMap};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use cloudflare_clients::LocalBucket;
use cloudflare_clients::bytes::Bytes;
use cloudflare_clients::r2::{
    Bucket, CompleteMultipartUploadRequest, CopyRequest, CreateMultipartUploadRequest, GetRequest,
    ListRequest, PutRequest, UploadPartRequest,
};

const ROUNDS: u64 = 20;
/// Number of processes that write to the store concurrently. Each is killed at its own time, so that the
/// others continue.
const PROCESSES: u64 = 2;
const WRITERS: u64 = 3;
const STORE: &str = "LOCAL_CRASH_STORE";
const PROCESS: &str = "LOCAL_CRASH_PROCESS";
const PART: usize = 5 * 1024 * 1024;

/// The bytes for a seed: unique length and content, so that no other write's bytes can be confused with them.
fn content(seed: u64) -> Bytes {
    let length = match seed % 4 {
        0 => 1000,
        1 => 60 * 1024,
        2 => 300 * 1024,
        _ => PART + 100_000,
    };
    testkit::content(length, seed)
}

async fn write(bucket: &LocalBucket, key: &str, seed: u64) {
    let bytes = content(seed);
    if bytes.len() <= PART {
        bucket.put(PutRequest::new(key, bytes)).await.unwrap();
        return;
    }
    let create = CreateMultipartUploadRequest::new(key);
    let upload_id = bucket.create_multipart_upload(create).await.unwrap().upload_id;
    let mut parts = Vec::new();
    for (part_number, part) in (1..).zip(bytes.chunks(PART)) {
        let part = UploadPartRequest::new(key, &upload_id, part_number, bytes.slice_ref(part));
        parts.push(bucket.upload_part(part).await.unwrap());
    }
    let complete = CompleteMultipartUploadRequest::new(key, upload_id, parts);
    bucket.complete_multipart_upload(complete).await.unwrap();
}

fn say(what: &str, key: &str, seed: u64) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "@ {what} {key} {seed}").unwrap();
    out.flush().unwrap();
}

#[test]
#[ignore = "the process that the crash test kills"]
fn writes_until_it_is_killed() {
    let Ok(folder) = std::env::var(STORE) else { return };
    let process: u64 = std::env::var(PROCESS).unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let bucket = LocalBucket::open(&folder, "media").await.unwrap();
        let writers = (0..WRITERS).map(|writer| {
            let bucket = bucket.clone();
            tokio::spawn(async move {
                for i in 0.. {
                    // Every other write replaces the object of the previous one.
                    let key = format!("{process}/{writer}/{}", i / 2);
                    let seed = (process * WRITERS + writer) * 100_000 + i;
                    say("begin", &key, seed);
                    write(&bucket, &key, seed).await;
                    say("done", &key, seed);
                    let copy = format!("{key}-copy-{i}");
                    say("begin", &copy, seed);
                    let request = CopyRequest::new(key, copy.clone());
                    bucket.copy(request).await.unwrap();
                    say("done", &copy, seed);
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
    });
}

/// The allowed values of one key: the last acknowledged write, or one that was started after it.
#[derive(Default)]
struct Expected {
    acknowledged: bool,
    seeds: Vec<u64>,
}

/// What a process wrote until it was killed, and the number of acknowledged writes.
fn run_and_kill(folder: &Path, process: u64) -> (HashMap<String, Expected>, usize) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "writes_until_it_is_killed", "--nocapture"])
        .env(STORE, folder)
        .env(PROCESS, process.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut first = lines.by_ref().skip_while(|line| !line.as_ref().unwrap().contains("@ "));
    let first = first.next().expect("the child writes").unwrap();
    let killer = thread::spawn(move || {
        thread::sleep(Duration::from_millis(fastrand::u64(20..350)));
        child.kill().unwrap();
        child.wait().unwrap();
    });
    let mut expected = HashMap::<String, Expected>::new();
    let mut acknowledged = 0;
    for line in std::iter::once(Ok(first)).chain(lines) {
        let line = line.unwrap();
        let Some((_, message)) = line.split_once("@ ") else {
            continue;
        };
        let [what, key, seed] = message.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let (entry, seed) = (expected.entry(key.to_owned()).or_default(), seed.parse().unwrap());
        if what == "done" {
            acknowledged += 1;
            entry.acknowledged = true;
            entry.seeds.clear();
        }
        entry.seeds.push(seed);
    }
    killer.join().unwrap();
    (expected, acknowledged)
}

async fn check(bucket: &LocalBucket, expected: &HashMap<String, Expected>, prefix: &str) {
    let mut missing: BTreeSet<&String> = expected
        .iter()
        .filter(|(key, e)| key.starts_with(prefix) && e.acknowledged)
        .map(|(key, _)| key)
        .collect();
    let mut request = ListRequest::new();
    request.prefix = prefix.into();
    loop {
        let page = bucket.list(request.clone()).await.unwrap();
        for listed in page.objects {
            let get = GetRequest::new(listed.key.clone());
            let object = bucket.get(get).await.unwrap().unwrap();
            assert_eq!(object.object.etag, listed.etag);
            let bytes = object.body.bytes().await.unwrap();
            let allowed = &expected[&listed.key];
            assert!(
                allowed.seeds.iter().any(|seed| content(*seed) == bytes),
                "{} holds {} bytes of no write that it may hold",
                listed.key,
                bytes.len()
            );
            missing.remove(&listed.key);
        }
        if !page.truncated {
            break;
        }
        request.cursor = page.cursor;
    }
    assert!(missing.is_empty(), "acknowledged and not there: {missing:?}");
}

/// Waits until the only files are those that rows refer to.
fn only_files_with_rows_stay(folder: &Path) {
    let database = rusqlite::Connection::open(folder.join("store.sqlite3")).unwrap();
    let names = |name: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(folder.join(name)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let mut statement = database.prepare("SELECT blob FROM segments WHERE blob IS NOT NULL").unwrap();
        let rows = statement.query_map((), |row| row.get(0)).unwrap();
        let rows: BTreeSet<String> = rows.map(Result::unwrap).collect();
        let (blobs, incoming) = (names("blobs"), names("incoming"));
        assert!(blobs.is_superset(&rows), "rows without files");
        if blobs == rows && incoming.is_empty() {
            return;
        }
        assert!(Instant::now() < until, "{} files for {} rows, {incoming:?}", blobs.len(), rows.len());
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut expected = HashMap::new();
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        let processes = round * PROCESSES..(round + 1) * PROCESSES;
        let path = folder.path();
        let written: Vec<_> = thread::scope(|scope| {
            let running: Vec<_> =
                processes.clone().map(|process| scope.spawn(move || run_and_kill(path, process))).collect();
            running.into_iter().map(|process| process.join().unwrap()).collect()
        });
        for (writes, count) in written {
            expected.extend(writes);
            acknowledged += count;
        }
        runtime.block_on(async {
            let bucket = LocalBucket::open(folder.path(), "media").await.unwrap();
            for process in processes {
                check(&bucket, &expected, &format!("{process}/")).await;
            }
        });
    }
    runtime.block_on(async {
        let bucket = LocalBucket::open(folder.path(), "media").await.unwrap();
        check(&bucket, &expected, "").await;
        tokio::task::spawn_blocking(move || only_files_with_rows_stay(folder.path())).await.unwrap();
    });
    assert!(
        acknowledged as u64 > ROUNDS,
        "only {acknowledged} writes were acknowledged: the test proves nothing"
    );
}
