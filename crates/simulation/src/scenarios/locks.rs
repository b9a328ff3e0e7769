//! Locks over a bucket: one holder at a time, tokens that grow, and a lock that is held for as long as its
//! work takes and is free after its release.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use cloudflare_clients::lock::Locks;
use cloudflare_clients::{Error, ErrorKind};
use fastrand::Rng;
use futures_util::future::try_join_all;

use crate::finding::{Finding, Outcome};
use crate::recorder::is_unknown;
use crate::storm::{Storm, in_storm};
use crate::trace;
use crate::world::{BUCKET, Client, World};

const CLIENTS: usize = 4;
const STEPS: usize = 12;
const TTL: Duration = Duration::from_secs(20);
/// Maximum difference between the clocks.
const SKEW: Duration = Duration::from_secs(5);
/// Longer than a lease, also by the clock of a client that waits for its end.
const LONG: Duration = Duration::from_secs(60);
/// Shorter than the rest of a renewed lease, but long enough for a write that comes too soon after another.
const AT_ONCE: Duration = Duration::from_secs(5);
const NAMES: [&str; 2] = ["film", "live"];

/// The holders of the locks, as the clients see them.
#[derive(Default)]
struct Held {
    holders: BTreeMap<&'static str, usize>,
    /// The greatest tokens.
    tokens: BTreeMap<&'static str, u64>,
}

pub(super) async fn run(world: World) -> Outcome {
    let mut server = world.server()?;
    let store = server.start().await?;
    store.create_bucket(BUCKET).await?;
    drop(store);
    let clients: Vec<_> =
        (0..CLIENTS).map(|client| world.client(&format!("client {client}"), &server)).collect();
    let held = RefCell::default();
    let work =
        try_join_all(clients.iter().enumerate().map(|(number, client)| work(&world, number, client, &held)));
    let storm = Storm::any(&mut world.rng("kind of storm"));
    in_storm(&world, &mut server, storm, async { work.await.map(drop) }).await?;

    // Whatever happened to them, the locks are free once their leases have ended.
    tokio::time::sleep(TTL + SKEW).await;
    for (number, name) in NAMES.into_iter().enumerate() {
        let (first, second) = (number % CLIENTS, (number + 1) % CLIENTS);
        let one_after_the_other = [(first, &clients[first]), (second, &clients[second])];
        Box::pin(hold_in_the_end(name, one_after_the_other, &held)).await?;
    }
    Ok(())
}

fn locks(client: &Client) -> Result<Locks, Finding> {
    Ok(Locks::new(client.r2()?).with_ttl(TTL).with_clock_skew(SKEW))
}

/// Without faults, one client holds a lock for longer than a lease, and another acquires it as soon as it is
/// released.
async fn hold_in_the_end(
    name: &'static str,
    [(number, first), (next, second)]: [(usize, &Client); 2],
    held: &RefCell<Held>,
) -> Outcome {
    let (locks, others) = (locks(first)?, locks(second)?);
    let lock = locks.acquire(name, LONG).await;
    let mut lock =
        lock.map_err(|error| Finding::new(format!("the lock {name} is not free in the end: {error}")))?;
    grows(&mut held.borrow_mut(), name, lock.token())?;
    let work = async {
        hold(number, name, LONG, held).await?;
        match others.try_acquire(name).await {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err(Finding::new(format!("the lock {name} is acquired although it is held"))),
            Err(error) => Err(Finding::new(format!("trying a lock fails without faults: {error}"))),
        }
    };
    let held_on = lock.hold(work).await;
    held_on.map_err(|error| Finding::new(format!("a hold without faults fails: {error}")))??;
    let released = lock.release().await;
    released.map_err(|error| Finding::new(format!("a release without faults fails: {error}")))?;
    // A lease would not end so soon.
    let lock = others.acquire(name, AT_ONCE).await;
    let lock = lock
        .map_err(|error| Finding::new(format!("the lock {name} is not free after its release: {error}")))?;
    grows(&mut held.borrow_mut(), name, lock.token())?;
    drop(Holding::begin(next, name, held)?);
    let released = lock.release().await;
    released.map_err(|error| Finding::new(format!("a release without faults fails: {error}")))
}

async fn work(world: &World, number: usize, client: &Client, held: &RefCell<Held>) -> Outcome {
    set_clock(client, number, &mut world.rng(&format!("clock of client {number}")));
    let locks = locks(client)?;
    for (index, mut rng) in world.steps.of(number, STEPS) {
        tokio::time::sleep(Duration::from_millis(rng.u64(..30_000))).await;
        let name = NAMES[rng.usize(..NAMES.len())];
        trace::count("operations");
        let mut lock = match locks.acquire(name, Duration::from_millis(rng.u64(..90_000))).await {
            Ok(lock) => lock,
            Err(error) => {
                trace::note(format_args!("client {number} step {index}: {name} not acquired: {error}"));
                expected(&error)?;
                continue;
            }
        };
        trace::count("locks acquired");
        grows(&mut held.borrow_mut(), name, lock.token())?;
        let held_for = Duration::from_millis(rng.u64(..90_000));
        trace::note(format_args!("client {number} step {index}: holds {name} with token {}", lock.token()));
        let work = lock.hold(hold(number, name, held_for, held)).await;
        match work {
            Ok(outcome) => outcome?,
            Err(error) if error.kind() == ErrorKind::LockLost => trace::count("locks lost"),
            Err(error) => return Err(Finding::new(format!("a hold fails with {error}"))),
        }
        if rng.u8(..5) > 0 {
            let released = lock.release().await;
            trace::note(format_args!(
                "client {number} step {index}: released {name}: {:?}",
                released.is_ok()
            ));
            match released {
                Err(error) if error.kind() != ErrorKind::LockLost => expected(&error)?,
                _ => (),
            }
        }
        if rng.u8(..3) == 0 {
            set_clock(client, number, &mut rng);
        }
    }
    Ok(())
}

/// Whether the error is expected: the lock is not free, or a storm makes its state unknown.
fn expected(error: &Error) -> Outcome {
    let is_replaced =
        error.kind() == ErrorKind::Integrity && error.message().contains("was replaced or deleted");
    if is_unknown(error) || is_replaced {
        return Ok(());
    }
    Err(Finding::new(format!("no storm explains the error: {error}")))
}

/// Sets the clock within the limits of the locks: during the run, the clocks differ by less than the skew.
fn set_clock(client: &Client, number: usize, rng: &mut Rng) {
    let half = i64::try_from(SKEW.as_millis()).unwrap_or_default() / 2;
    let (ahead, drift) = (rng.i64(600 - half..half - 600), rng.i64(-100..100));
    trace::note(format_args!("client {number}: its clock is {ahead} ms ahead, and drifts by {drift} ppm"));
    client.clock.set(ahead, drift);
}

/// Works under the lock, and checks that there is no other holder.
async fn hold(number: usize, name: &'static str, duration: Duration, held: &RefCell<Held>) -> Outcome {
    let _guard = Holding::begin(number, name, held)?;
    tokio::time::sleep(duration).await;
    Ok(())
}

struct Holding<'h> {
    name: &'static str,
    held: &'h RefCell<Held>,
}

impl<'h> Holding<'h> {
    fn begin(number: usize, name: &'static str, held: &'h RefCell<Held>) -> Result<Self, Finding> {
        if let Some(other) = held.borrow_mut().holders.insert(name, number) {
            let what = format!("the lock {name} has two holders: clients {other} and {number}");
            return Err(Finding::new(what));
        }
        Ok(Self { name, held })
    }
}

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        self.held.borrow_mut().holders.remove(self.name);
    }
}

fn grows(held: &mut Held, name: &'static str, token: u64) -> Outcome {
    let last = held.tokens.insert(name, token).unwrap_or(0);
    if token > last {
        return Ok(());
    }
    Err(Finding::new(format!("the lock {name} was acquired with token {token} after {last}")))
}
