//! Locks for which the requests to the Worker contend.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cloudflare_clients::lock::Locks;
use cloudflare_clients::r2::R2Service;
use cloudflare_clients::{Error, ErrorKind, RetryPolicy, Runtime, WorkersRuntime};
use serde_json::json;
use worker::{Date, Response, Result, Url};

use crate::operations::{Outcome, failure, parameter, said};

/// The locks whose holder is at work, as the memory of the instance has it: no lock is asked for that.
static AT_WORK: Mutex<Option<HashSet<String>>> = Mutex::new(None);

const LONGEST_WAIT: Duration = Duration::from_secs(60);

pub(crate) async fn answer(r2: &R2Service, url: &Url) -> Result<Response> {
    match contend(r2, url).await {
        Ok(response) => Ok(response),
        Err(error) => failure(&error),
    }
}

/// Acquires the lock `name` `count` times, and leaves the last one to expire where there is an `abandon`.
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
        let (token, entered) = (lock.token(), Date::now().as_millis());
        if !at_work(|names| names.insert(name.clone())) {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("{name} has two holders, one with token {token}"),
            ));
        }
        WorkersRuntime.sleep(Duration::from_millis(1)).await;
        at_work(|names| names.remove(&name));
        turns.push(json!({ "token": token, "entered": entered, "left": Date::now().as_millis() }));
        if !(abandon && turn == count) {
            lock.release().await?;
        }
    }
    said(&turns)
}

fn at_work<T>(change: impl FnOnce(&mut HashSet<String>) -> T) -> T {
    change(AT_WORK.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
}
