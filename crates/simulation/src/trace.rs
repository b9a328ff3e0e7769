//! The events of a run, line by line, and how often they occurred.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io::Write as _;
use std::time::Duration;

use tokio::time::Instant;

/// Maximum number of notes that are kept.
const NOTES: usize = 60;

thread_local! {
    static TRACE: RefCell<Trace> = RefCell::default();
}

/// The trace of the run in this thread.
#[derive(Default)]
struct Trace {
    begun: Option<Instant>,
    hash: u64,
    prints: bool,
    counts: Counts,
    notes: VecDeque<String>,
}

/// How often each event has occurred.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts(pub(crate) BTreeMap<&'static str, u64>);

/// The summary of a trace. Two runs with the same seed have the same one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// The hash of all lines (FNV-1a).
    pub(crate) hash: u64,
    pub(crate) counts: Counts,
    /// The simulated time that has passed.
    pub(crate) time: Duration,
}

/// Starts the trace of a run, in its Tokio runtime.
pub(crate) fn begin(prints: bool) {
    let begun = Some(Instant::now());
    TRACE.set(Trace { begun, hash: 0xcbf2_9ce4_8422_2325, prints, ..Trace::default() });
}

/// Returns the simulated time that has passed in the run.
pub(crate) fn elapsed() -> Duration {
    TRACE.with_borrow(|trace| trace.begun.map(|begun| begun.elapsed()).unwrap_or_default())
}

/// Adds a line.
pub(crate) fn line(what: fmt::Arguments<'_>) {
    add(&with_time(what));
}

fn with_time(what: fmt::Arguments<'_>) -> String {
    format!("{:12.6} {what}", elapsed().as_secs_f64())
}

fn add(line: &str) {
    TRACE.with_borrow_mut(|trace| {
        for byte in line.bytes() {
            trace.hash = (trace.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if trace.prints {
            // Stop if the reader has closed the pipe.
            trace.prints = writeln!(std::io::stdout(), "{line}").is_ok();
        }
    });
}

/// Adds a line about the actions of clients and their results. The last of these lines are shown with a
/// finding.
pub(crate) fn note(what: fmt::Arguments<'_>) {
    let note = with_time(what);
    add(&note);
    TRACE.with_borrow_mut(|trace| {
        if trace.notes.len() == NOTES {
            trace.notes.pop_front();
        }
        trace.notes.push_back(note);
    });
}

/// Returns the last notes.
pub(crate) fn notes() -> Vec<String> {
    TRACE.with_borrow(|trace| trace.notes.iter().cloned().collect())
}

/// Counts an event.
pub(crate) fn count(what: &'static str) {
    TRACE.with_borrow_mut(|trace| *trace.counts.0.entry(what).or_default() += 1);
}

/// Ends the trace and returns its summary.
pub(crate) fn end() -> Summary {
    let time = elapsed();
    TRACE.with_borrow(|trace| Summary { hash: trace.hash, counts: trace.counts.clone(), time })
}
