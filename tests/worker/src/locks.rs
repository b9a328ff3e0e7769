//! Locks that the requests to the Worker contend for.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloudflare_clients::lock::Locks;
use cloudflare_clients::r2::R2Service;
use cloudflare_clients::{Error, ErrorKind, RetryPolicy, Runtime, WorkersRuntime};
use serde_json::json;
use worker::{Response, Result, Url};

use crate::operations::{Outcome, failure, parameter, said};

/// Until when active holders hold their locks, in the memory of the instance: the locks themselves are not
/// asked. On a busy machine, a lease may end in the middle of the work.
static AT_WORK: Mutex<BTreeMap<String, SystemTime>> = Mutex::new(BTreeMap::new());

const LONGEST_WAIT: Duration = Duration::from_secs(60);

pub(crate) async fn answer(r2: &R2Service, url: &Url) -> Result<Response> {
    match contend(r2, url).await {
        Ok(response) => Ok(response),
        Err(error) => failure(&error),
    }
}

/// Acquires the lock `name` `count` times, and lets the last one expire if there is an `abandon`.
async fn contend(r2: &R2Service, url: &Url) -> Outcome {
    let name = parameter(url, "name").unwrap_or_default();
    let count: u32 = parameter(url, "count").and_then(|count| count.parse().ok()).unwrap_or_default();
    let abandon = parameter(url, "abandon").is_some();
    let quick =
        RetryPolicy::default().base_delay(Duration::from_millis(5)).max_delay(Duration::from_millis(50));
    let locks = Locks::new(r2.clone().with_retry(quick))
        .with_ttl(Duration::from_secs(2))
        .with_clock_skew(Duration::from_millis(100));
    let mut turns = Vec::new();
    for turn in 1..=count {
        let lock = locks.acquire(&name, LONGEST_WAIT).await?;
        let (token, entered, end) = (lock.token(), WorkersRuntime.now(), lock.expires_at());
        if at_work(|holders| holders.insert(name.clone(), end)).is_some_and(|other| other > entered) {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("{name} has two holders, one with token {token}"),
            ));
        }
        WorkersRuntime.sleep(Duration::from_millis(1)).await;
        at_work(|holders| {
            if holders.get(&name) == Some(&end) {
                holders.remove(&name);
            }
        });
        let left = WorkersRuntime.now().min(end);
        turns.push(json!({ "token": token, "entered": millis(entered), "left": millis(left) }));
        if !(abandon && turn == count) {
            match lock.release().await {
                Err(error) if error.kind() != ErrorKind::LockLost => return Err(error),
                _ => {}
            }
        }
    }
    said(&turns)
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn at_work<T>(change: impl FnOnce(&mut BTreeMap<String, SystemTime>) -> T) -> T {
    change(&mut AT_WORK.lock().unwrap_or_else(PoisonError::into_inner))
}
