//! One run of a scenario, in a separate thread whose time and randomness follow from a seed.

use std::any::Any;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Once, mpsc};
use std::thread;
use std::time::Duration;

use cloudflare_clients::simulation::{self, Mutation};

use crate::disk::vfs;
use crate::entropy;
use crate::finding::Finding;
use crate::scenarios::Scenario;
use crate::steps::{StepId, Steps};
use crate::trace::{self, Summary};
use crate::world::World;

/// Maximum real time of a run. Everything happens in memory.
const LONGEST: Duration = Duration::from_secs(120);
/// Maximum simulated time of a run.
const LONGEST_SIMULATED: Duration = Duration::from_secs(24 * 30 * 3600);

/// The settings of a run.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) seed: u64,
    pub(crate) mutation: Option<Mutation>,
    pub(crate) only: Option<BTreeSet<StepId>>,
    /// Whether each line of the trace is printed.
    pub(crate) traces: bool,
}

impl Settings {
    pub(crate) fn of(seed: u64) -> Self {
        Self { seed, mutation: None, only: None, traces: false }
    }
}

/// The result of a run.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) summary: Summary,
    pub(crate) steps: Vec<StepId>,
    pub(crate) finding: Option<Finding>,
}

/// Runs a scenario, and returns when it has ended.
pub(crate) fn run(scenario: &'static Scenario, settings: Settings) -> Report {
    let (reports, report) = mpsc::channel();
    let seed = settings.seed;
    let thread = thread::Builder::new().name(format!("{} {seed}", scenario.name)).spawn(move || {
        // If it comes too late, nobody receives it.
        let _ = reports.send(in_thread(scenario, &settings));
    });
    let failed = |what: String| Report {
        summary: Summary::default(),
        steps: Vec::new(),
        finding: Some(Finding::new(what)),
    };
    match (thread, report.recv_timeout(LONGEST)) {
        (Err(error), _) => failed(format!("cannot start a thread: {error}")),
        (Ok(_), Err(mpsc::RecvTimeoutError::Timeout)) => {
            failed(format!("the run does not end: it is still running after {LONGEST:?}"))
        }
        (Ok(_), Err(mpsc::RecvTimeoutError::Disconnected)) => {
            failed("the run ended without a result".to_owned())
        }
        (Ok(thread), Ok(report)) => match thread.join() {
            Ok(()) => report,
            Err(panic) => failed(format!("the end of the run panicked: {}", message(&*panic))),
        },
    }
}

fn in_thread(scenario: &Scenario, settings: &Settings) -> Report {
    count_panics();
    entropy::seed_thread(settings.seed);
    vfs::seed(settings.seed);
    simulation::mutate(settings.mutation);
    let steps = Steps::new(settings.seed, settings.only.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let finding = Some(Finding::new(format!("cannot create a runtime: {error}")));
            return Report { summary: Summary::default(), steps: Vec::new(), finding };
        }
    };
    let ended = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            trace::begin(settings.traces);
            let world = World::new(settings.seed, steps.clone());
            let outcome = tokio::time::timeout(LONGEST_SIMULATED, (scenario.run)(world)).await;
            let outcome = outcome.unwrap_or_else(|_| {
                Err(Finding::new(format!(
                    "it has not finished after {LONGEST_SIMULATED:?} of simulated time"
                )))
            });
            (trace::end(), outcome.err())
        })
    }));
    let (summary, finding) = ended.unwrap_or_else(|panic| {
        let finding = Finding::new(format!("it panicked: {}", message(&*panic)));
        (Summary::default(), Some(finding))
    });
    // Tokio catches panics in tasks, so the client only sees a lost connection.
    let finding = finding.or_else(|| (PANICS.get() > 0).then(|| Finding::new("a task panicked")));
    let finding = finding.map(|finding| match finding.history.as_slice() {
        [] => finding.with_history(trace::notes()),
        _ => finding,
    });
    Report { summary, steps: steps.done(), finding }
}

thread_local! {
    static PANICS: Cell<u32> = const { Cell::new(0) };
}

/// Counts panics from now on, per thread.
fn count_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.set(PANICS.get() + 1);
            print(panic);
        }));
    });
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let message = panic.downcast_ref::<String>().map(String::as_str);
    message.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}
