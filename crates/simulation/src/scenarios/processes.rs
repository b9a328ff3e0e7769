//! Several processes with one store on a machine whose disk fails and fills up. Processes are killed, and the
//! power is lost. Everything acknowledged exists, nothing is damaged, and nothing is left over.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use cloudflare_clients::r2::{Bucket as _, CopyRequest, DeleteRequest, GetRequest, ListRequest, PutRequest};
use cloudflare_clients::{Error, ErrorKind, LocalBucket, LocalStore};
use fastrand::Rng;
use futures_util::future::join_all;

use crate::disk::Faults;
use crate::finding::{Finding, Outcome};
use crate::trace;
use crate::world::{BUCKET, Process, STORE, World};

const PROCESSES: usize = 3;
const KEYS: usize = 3;
/// How often the processes run until they are killed.
const LIVES: usize = 4;
const STEPS: usize = 10;
/// Maximum time of an operation: one waits for another process for up to 30 seconds.
const LONGEST: Duration = Duration::from_secs(5 * 60);

pub(super) async fn run(world: World) -> Outcome {
    let mut rng = world.rng("machine");
    // Each key is written by one task at a time, so that its last value is known.
    let keys = RefCell::new(BTreeMap::new());
    prepare(&world).await?;
    for life in 0..LIVES {
        let processes: Vec<_> =
            (0..PROCESSES).map(|process| world.process(&format!("process {process}.{life}"))).collect();
        let share = [0.0, 0.0, 0.000_5, 0.01][rng.usize(..4)];
        world.machine.set_faults(Faults::each(share));
        let is_full = rng.u8(..4) == 0;
        let may_fail = share > 0.0 || is_full;
        if is_full {
            trace::count("full disks");
            world.machine.full_after(rng.u64(..3_000_000));
        }
        let lives = join_all(processes.iter().enumerate().map(|(number, process)| {
            live(&world, process, number + life * PROCESSES, number, &keys, may_fail)
        }));
        // Processes that are not killed close the store.
        let end = Duration::from_millis(rng.u64(10..5_000));
        let limit = if rng.bool() { end } else { LONGEST * 20 };
        if let Ok(outcomes) = tokio::time::timeout(limit, lives).await {
            outcomes.into_iter().collect::<Result<(), _>>()?;
            continue;
        }
        processes.iter().for_each(Process::kill);
        if rng.bool() {
            trace::count("power losses");
            world.machine.power_loss(&mut rng);
        }
    }
    world.machine.set_faults(Faults::default());
    check(&world, &keys.into_inner()).await
}

/// Creates the bucket, without faults.
async fn prepare(world: &World) -> Outcome {
    let process = world.process("first process");
    let store = process.open().await?;
    store.create_bucket(BUCKET).await?;
    drop(store);
    process.end().await;
    Ok(())
}

/// The possible values of a key.
type Stored = Vec<Option<Bytes>>;

/// The life of a process, which may end at any moment. Its operations may fail only if the disk may.
async fn live(
    world: &World,
    process: &Process,
    client: usize,
    number: usize,
    keys: &RefCell<BTreeMap<String, Stored>>,
    may_fail: bool,
) -> Outcome {
    let takes_too_long =
        |what: &str| Finding::new(format!("{what} of process {number} takes longer than {LONGEST:?}"));
    let opened = tokio::time::timeout(LONGEST, process.open()).await;
    let store = match opened.map_err(|_| takes_too_long("the opening"))? {
        Ok(store) => store,
        Err(error) if !may_fail || error.kind() != ErrorKind::Storage => {
            return Err(Finding::new(format!("the store of process {number} does not open: {error}")));
        }
        Err(error) => {
            trace::note(format_args!("process {number} does not open the store: {error}"));
            trace::count("stores that did not open");
            process.kill();
            return Ok(());
        }
    };
    let bucket = store.bucket(BUCKET)?;
    for (index, mut rng) in world.steps.of(client, STEPS) {
        tokio::time::sleep(Duration::from_millis(rng.u64(..500))).await;
        trace::count("operations");
        let key = format!("{number}/{}", rng.usize(..KEYS));
        let step = tokio::time::timeout(LONGEST, step(&bucket, &key, keys, &mut rng, may_fail));
        step.await.map_err(|_| takes_too_long(&format!("step {index}")))??;
    }
    drop((bucket, store));
    tokio::time::timeout(LONGEST, process.end()).await.map_err(|_| takes_too_long("the end"))
}

async fn step(
    bucket: &LocalBucket,
    key: &str,
    keys: &RefCell<BTreeMap<String, Stored>>,
    rng: &mut Rng,
    may_fail: bool,
) -> Outcome {
    let known = keys.borrow().get(key).cloned().unwrap_or_else(|| vec![None]);
    let may_be = |stored: Option<Bytes>| {
        // The key may change from now on, because the process may be killed before it knows.
        let mut known = known.clone();
        known.push(stored);
        keys.borrow_mut().insert(key.to_owned(), known);
    };
    let is = |stored: Option<Bytes>| keys.borrow_mut().insert(key.to_owned(), vec![stored]);
    let kind = rng.u8(..6);
    let what = ["delete", "read", "copy"].get(usize::from(kind)).unwrap_or(&"put");
    trace::note(format_args!("{what} {key}"));
    let outcome = match kind {
        0 => {
            may_be(None);
            bucket.delete(DeleteRequest::new(key)).await.map(|()| drop(is(None)))
        }
        1 => match read(bucket, key).await {
            Ok(found) if known.contains(&found) => {
                is(found);
                Ok(())
            }
            Ok(found) => return Err(lost(key, found.as_ref())),
            Err(error) => Err(error),
        },
        2 => {
            let source = key;
            let copy = format!("{key}-copy");
            let mut copied = keys.borrow().get(&copy).cloned().unwrap_or_else(|| vec![None]);
            copied.extend(known.iter().cloned());
            keys.borrow_mut().insert(copy.clone(), copied);
            match bucket.copy(CopyRequest::new(source, &copy)).await {
                Ok(_) => {
                    let stored = known.iter().filter(|stored| stored.is_some()).cloned().collect();
                    keys.borrow_mut().insert(copy, stored);
                    Ok(())
                }
                Err(error) if error.kind() == ErrorKind::NoSuchKey && known.contains(&None) => Ok(()),
                Err(error) => Err(error),
            }
        }
        _ => {
            let mut content = vec![0; [10, 1000, 70_000, 400_000][rng.usize(..4)]];
            rng.fill(&mut content);
            let content = Bytes::from(content);
            may_be(Some(content.clone()));
            bucket.put(PutRequest::new(key, content.clone())).await.map(|_| drop(is(Some(content))))
        }
    };
    match outcome {
        Ok(()) => Ok(()),
        Err(error) if may_fail && error.kind() == ErrorKind::Storage => {
            trace::note(format_args!("{key}: {error}"));
            trace::count("operations that failed");
            Ok(())
        }
        Err(error) => Err(Finding::new(format!("unexpected error: {error}"))),
    }
}

async fn read(bucket: &LocalBucket, key: &str) -> Result<Option<Bytes>, Error> {
    match bucket.get(GetRequest::new(key)).await? {
        Some(object) => Ok(Some(object.bytes().await?)),
        None => Ok(None),
    }
}

fn lost(key: &str, found: Option<&Bytes>) -> Finding {
    match found {
        None => Finding::new(format!("{key} is missing although it was acknowledged")),
        Some(bytes) => Finding::new(format!("{key} has {} bytes that it should not have", bytes.len())),
    }
}

/// Opens the store again, without faults.
async fn check(world: &World, keys: &BTreeMap<String, Stored>) -> Outcome {
    let process = world.process("last process");
    let store = process.open().await?;
    let bucket = store.bucket(BUCKET)?;
    for (key, stored) in keys {
        let found = read(&bucket, key).await?;
        if !stored.contains(&found) {
            return Err(lost(key, found.as_ref()));
        }
    }
    let scrubbed = store.scrub(|_, _| {}).await?;
    if let Some(damage) = scrubbed.damaged.first() {
        return Err(Finding::new(format!("there is damage: {damage:?}")));
    }
    no_file_is_left_over(world, &store, &process).await?;
    drop((bucket, store));
    process.end().await;
    Ok(())
}

/// Checks that each file in `blobs/` belongs to an object, and that each object has its files.
async fn no_file_is_left_over(world: &World, store: &LocalStore, process: &Process) -> Outcome {
    // Any write removes the files that are no longer needed.
    let bucket = store.bucket(BUCKET)?;
    bucket.put(PutRequest::new("last", "1")).await?;
    process.idle().await;
    bucket.delete(DeleteRequest::new("last")).await?;
    process.idle().await;
    let names = |folder: &str| -> Result<BTreeSet<String>, Finding> {
        let listed = world.machine.list(Path::new(STORE).join(folder));
        listed
            .map(BTreeSet::from_iter)
            .map_err(|error| Finding::new(format!("{folder} cannot be listed: {error}")))
    };
    let mut large = 0;
    let page = bucket.list(ListRequest::default()).await?;
    for object in &page.objects {
        large += usize::from(object.size > 64 * 1024);
    }
    let blobs = names("blobs")?;
    if blobs.len() != large {
        return Err(Finding::new(format!(
            "there are {} files for {large} objects in files: {blobs:?}",
            blobs.len()
        )));
    }
    let incoming = names("incoming")?;
    if incoming.is_empty() {
        Ok(())
    } else {
        Err(Finding::new(format!("files are left in incoming: {incoming:?}")))
    }
}
