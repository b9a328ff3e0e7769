//! Events that a flush acknowledged are stored after the process was killed.
#![cfg(unix)]
// Everything here is test code, including the helpers.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use cloudflare_clients::LocalBucket;
use cloudflare_clients::analytics::{Event, EventStore, EventWriter};
use cloudflare_clients::r2::R2Service;
use futures_util::TryStreamExt as _;

const ROUNDS: u64 = 15;
const TASKS: u64 = 3;
const STORE: &str = "ANALYTICS_CRASH_STORE";
const ROUND: &str = "ANALYTICS_CRASH_ROUND";

/// The round, the task, and the number of an event.
type Recorded = (u64, u64, u64);

async fn store(folder: &Path) -> EventStore {
    let bucket = LocalBucket::open(folder, "analytics").await.unwrap();
    EventStore::r2(R2Service::new(bucket), "events/").unwrap()
}

#[test]
#[ignore = "the process that the crash test kills"]
fn records_until_it_is_killed() {
    let Ok(folder) = std::env::var(STORE) else { return };
    let round: u64 = std::env::var(ROUND).unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = store(Path::new(&folder)).await;
        let writer = EventWriter::new(store).with_batch_bytes(4000).unwrap().with_capacity(20_000);
        let tasks = (0..TASKS).map(|task| {
            let writer = writer.clone();
            tokio::spawn(async move {
                let mut random = fastrand::Rng::with_seed(round * TASKS + task);
                for n in 0.. {
                    writer.record(&(round, task, n)).await.unwrap();
                    if random.u8(..) < 8 {
                        writer.flush().await.unwrap();
                        let mut out = std::io::stdout().lock();
                        writeln!(out, "@ {task} {n}").unwrap();
                        out.flush().unwrap();
                    }
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
}

/// The last event of each task that was reported as stored before the process was killed.
fn run_and_kill(folder: &Path, round: u64) -> Vec<Option<u64>> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "records_until_it_is_killed", "--nocapture"])
        .env(STORE, folder)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    let reading = thread::spawn(move || {
        let mut acknowledged = vec![None; usize::try_from(TASKS).unwrap()];
        for line in lines.lines() {
            // The last line may be incomplete; the harness prints others.
            let line = line.unwrap();
            let Some(at) = line.find("@ ") else { continue };
            let numbers: Vec<u64> = line[at + 2..].split(' ').map(|number| number.parse().unwrap()).collect();
            acknowledged[usize::try_from(numbers[0]).unwrap()] = Some(numbers[1]);
        }
        acknowledged
    });
    thread::sleep(Duration::from_millis(fastrand::u64(150..600)));
    child.kill().unwrap();
    child.wait().unwrap();
    reading.join().unwrap()
}

#[test]
fn what_a_flush_acknowledged_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut acknowledged = BTreeSet::<Recorded>::new();
    for round in 0..ROUNDS {
        for (task, last) in (0..).zip(run_and_kill(folder.path(), round)) {
            let events = last.into_iter().flat_map(|last| 0..=last);
            acknowledged.extend(events.map(|n| (round, task, n)));
        }
    }
    let events: Vec<Event<Recorded>> =
        runtime.block_on(async { store(folder.path()).await.read(..).try_collect().await.unwrap() });
    let ids: BTreeSet<_> = events.iter().map(|event| &event.id).collect();
    assert_eq!(ids.len(), events.len(), "no id is there twice");
    let stored: BTreeSet<_> = events.iter().map(|event| event.event).collect();
    assert_eq!(stored.len(), events.len(), "nor is an event");
    let missing: Vec<_> = acknowledged.difference(&stored).collect();
    assert!(missing.is_empty(), "acknowledged and not there: {missing:?}");
    let rounds: BTreeSet<_> = acknowledged.iter().map(|(round, ..)| round).collect();
    assert!(rounds.len() >= 10, "acknowledged in {} rounds only: the test proves nothing", rounds.len());
    println!("{} events acknowledged, {} stored", acknowledged.len(), stored.len());
}
