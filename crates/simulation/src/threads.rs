//! Simulates the threads of a process on a single one.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloudflare_clients::simulation::{Threads, Worker};
use futures_util::future::BoxFuture;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// Default maximum time that work waits before it runs.
pub(crate) const LONGEST_DELAY: Duration = Duration::from_millis(2);

/// The threads of a process. Their work runs as tasks of the runtime, each after a random delay. Use it
/// inside a runtime.
#[derive(Clone)]
pub(crate) struct ProcessThreads(Arc<Inner>);

struct Inner {
    began: Instant,
    longest_delay: Duration,
    state: Mutex<State>,
    killed: AtomicBool,
    idle: Notify,
}

struct State {
    rng: fastrand::Rng,
    /// How long this thread was blocked, which the clock of the runtime does not see.
    paused: Duration,
    tasks: BTreeMap<u64, Option<AbortHandle>>,
    next_task: u64,
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ProcessThreads {
    /// Creates the threads of a process that starts now. Work waits up to `longest_delay` before it runs.
    pub(crate) fn new(rng: fastrand::Rng, longest_delay: Duration) -> Self {
        Self(Arc::new(Inner {
            began: Instant::now(),
            longest_delay,
            state: Mutex::new(State { rng, paused: Duration::ZERO, tasks: BTreeMap::new(), next_task: 0 }),
            killed: AtomicBool::new(false),
            idle: Notify::new(),
        }))
    }

    /// Stops all of its work.
    pub(crate) fn kill(&self) {
        self.0.killed.store(true, Ordering::Relaxed);
        let tasks: Vec<_> = lock(&self.0.state).tasks.values().flatten().cloned().collect();
        tasks.iter().for_each(AbortHandle::abort);
    }

    pub(crate) fn is_killed(&self) -> bool {
        self.0.killed.load(Ordering::Relaxed)
    }

    /// Returns when nothing runs or waits to run.
    pub(crate) async fn idle(&self) {
        loop {
            let idle = self.0.idle.notified();
            if lock(&self.0.state).tasks.is_empty() {
                return;
            }
            idle.await;
        }
    }

    /// Returns how many tasks run or wait to run.
    #[cfg(test)]
    pub(crate) fn tasks(&self) -> usize {
        lock(&self.0.state).tasks.len()
    }

    /// Returns how long its threads were blocked.
    pub(crate) fn paused(&self) -> Duration {
        lock(&self.0.state).paused
    }

    /// Runs a task as a thread of the process. It ends with the process.
    pub(crate) fn start(&self, task: impl Future<Output = ()> + Send + 'static) {
        if self.is_killed() {
            return;
        }
        let number = {
            let mut state = lock(&self.0.state);
            let number = state.next_task;
            state.next_task += 1;
            state.tasks.insert(number, None);
            number
        };
        let running = Running { threads: self.clone(), number };
        let task = tokio::spawn(async move {
            let _running = running;
            task.await;
        });
        if let Some(handle) = lock(&self.0.state).tasks.get_mut(&number) {
            *handle = Some(task.abort_handle());
        }
    }

    fn start_soon(&self, work: impl FnOnce() + Send + 'static) {
        let delay = self.delay();
        self.start(async move {
            if delay.is_zero() {
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(delay).await;
            }
            work();
        });
    }

    fn delay(&self) -> Duration {
        let most = u64::try_from(self.0.longest_delay.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(lock(&self.0.state).rng.u64(0..=most))
    }
}

/// A task that has not ended.
struct Running {
    threads: ProcessThreads,
    number: u64,
}

impl Drop for Running {
    fn drop(&mut self) {
        let Inner { state, idle, .. } = &*self.threads.0;
        let mut state = lock(state);
        state.tasks.remove(&self.number);
        if state.tasks.is_empty() {
            idle.notify_waiters();
        }
    }
}

impl Threads for ProcessThreads {
    fn run_blocking(&self, work: Box<dyn FnOnce() + Send>) {
        self.start_soon(work);
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.start(task);
    }

    fn start_worker(
        &self,
        _: &str,
        work: Box<dyn FnMut() -> ControlFlow<()> + Send>,
    ) -> io::Result<Box<dyn Worker>> {
        let worker = WorkerTask {
            threads: self.clone(),
            work: Arc::new(Mutex::new(Some(work))),
            is_awake: Arc::new(AtomicBool::new(false)),
        };
        Ok(Box::new(worker))
    }

    fn pause(&self, duration: Duration) {
        lock(&self.0.state).paused += duration;
    }

    fn monotonic(&self) -> Duration {
        self.0.began.elapsed() + self.paused()
    }
}

impl fmt::Debug for ProcessThreads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProcessThreads")
    }
}

type Work = Box<dyn FnMut() -> ControlFlow<()> + Send>;

struct WorkerTask {
    threads: ProcessThreads,
    /// The work. `None` after it has returned `Break`.
    work: Arc<Mutex<Option<Work>>>,
    /// Whether it is scheduled to run.
    is_awake: Arc<AtomicBool>,
}

fn run(work: &Mutex<Option<Work>>) {
    // It can only be locked from within the work itself, and nothing waits for that.
    let Ok(mut work) = work.try_lock() else { return };
    if let Some(one) = work.as_mut()
        && one().is_break()
    {
        *work = None;
    }
}

impl Worker for WorkerTask {
    fn wake(&self) {
        if self.is_awake.swap(true, Ordering::Relaxed) {
            return;
        }
        let (work, is_awake) = (Arc::clone(&self.work), Arc::clone(&self.is_awake));
        self.threads.start_soon(move || {
            is_awake.store(false, Ordering::Relaxed);
            run(&work);
        });
    }
}

impl Drop for WorkerTask {
    fn drop(&mut self) {
        if !self.threads.is_killed() {
            run(&self.work);
        }
    }
}

impl fmt::Debug for WorkerTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WorkerTask")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threads() -> ProcessThreads {
        ProcessThreads::new(fastrand::Rng::with_seed(1), LONGEST_DELAY)
    }

    fn noting(done: &Arc<Mutex<Vec<u8>>>, what: u8) -> Box<dyn FnOnce() + Send> {
        let done = Arc::clone(done);
        Box::new(move || done.lock().unwrap().push(what))
    }

    #[tokio::test(start_paused = true)]
    async fn work_runs_in_an_order_that_the_seed_says() {
        let orders = async || {
            let (threads, done) = (threads(), Arc::default());
            (0..20).for_each(|what| threads.run_blocking(noting(&done, what)));
            threads.idle().await;
            done.lock().unwrap().clone()
        };
        let order = orders().await;
        assert_eq!(order.len(), 20);
        assert!(!order.is_sorted());
        assert_eq!(orders().await, order);
    }

    #[tokio::test(start_paused = true)]
    async fn a_killed_process_does_nothing_more() {
        let (threads, done) = (threads(), Arc::default());
        threads.run_blocking(noting(&done, 1));
        let counted = noting(&done, 2);
        let mut counted = Some(counted);
        let work = move || {
            counted.take().into_iter().for_each(|work| work());
            ControlFlow::Continue(())
        };
        let worker = threads.start_worker("worker", Box::new(work)).unwrap();
        worker.wake();
        assert_eq!(threads.tasks(), 2);
        threads.kill();
        threads.idle().await;
        threads.run_blocking(noting(&done, 3));
        drop(worker);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(done.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_runs_after_it_is_woken_and_once_more_when_it_is_dropped() {
        let (threads, runs) = (threads(), Arc::new(Mutex::new(0)));
        let counted = Arc::clone(&runs);
        let work = move || {
            *counted.lock().unwrap() += 1;
            ControlFlow::Continue(())
        };
        let worker = threads.start_worker("worker", Box::new(work)).unwrap();
        worker.wake();
        worker.wake();
        assert_eq!(*runs.lock().unwrap(), 0);
        threads.idle().await;
        assert_eq!(*runs.lock().unwrap(), 1);
        drop(worker);
        assert_eq!(*runs.lock().unwrap(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_takes_time() {
        let threads = threads();
        let began = threads.monotonic();
        threads.pause(Duration::from_secs(3));
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(threads.monotonic(), began + Duration::from_secs(5));
    }
}
