//! Records the requests of clients and their answers, and checks the answers.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::finding::{Finding, Outcome};
use crate::linearizability::{self, Failure, Operation};
use crate::specification::content::Content;
use crate::specification::kv::{self, Millis, Rules};
use crate::specification::r2::{self, R2};
use crate::trace;

/// The history of one bucket.
pub(crate) type R2History = History<r2::Input, r2::Output>;

/// The history of one namespace.
pub(crate) type KvHistory = History<kv::Input, kv::Output>;

/// The id of an operation in a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OperationId(usize);

/// A record of what clients do. All clients share it.
#[derive(Debug)]
pub(crate) struct History<I, O> {
    operations: Mutex<Vec<Recorded<I, O>>>,
}

#[derive(Debug, Clone)]
struct Recorded<I, O> {
    key: String,
    operation: Operation<I, O>,
    /// Whether the caller is still waiting.
    is_under_way: bool,
    /// Whether it is known to have had no effect.
    is_without_effect: bool,
}

/// The result of a check.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) violations: Vec<Violation>,
    /// The keys whose operations have too many possible orders to check all of them.
    pub(crate) undecided: Vec<String>,
}

impl Checked {
    /// Returns the first violation. Undecided keys are counted in the trace.
    pub(crate) fn outcome(self) -> Outcome {
        for _ in &self.undecided {
            trace::count("keys with too many orders to look at all");
        }
        match self.violations.into_iter().next() {
            None => Ok(()),
            Some(violation) => Err(Finding::new(format!("{:?}: {}", violation.key, violation.reason))
                .with_history(violation.listing.lines().map(str::to_owned))),
        }
    }
}

/// A violation for one key.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) key: String,
    pub(crate) reason: linearizability::Violation,
    /// All operations of the key, one per line.
    pub(crate) listing: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}\n{}", self.key, self.reason, self.listing)
    }
}

impl<I, O> Default for History<I, O> {
    fn default() -> Self {
        Self { operations: Mutex::new(Vec::new()) }
    }
}

impl<I: Clone + Debug, O: Clone + Debug> History<I, O> {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Records the start of an operation. `at` is the simulated time in nanoseconds, as everywhere.
    pub(crate) fn invoke(&self, at: u64, client: usize, key: impl Into<String>, input: I) -> OperationId {
        let mut operations = self.locked();
        let index = operations.len();
        operations.push(Recorded {
            key: key.into(),
            operation: Operation {
                client,
                index,
                input,
                output: None,
                invoked: at,
                returned: None,
                attempts: 1,
            },
            is_under_way: true,
            is_without_effect: false,
        });
        OperationId(index)
    }

    /// Records that the client sends an operation again because its answer was lost.
    pub(crate) fn sent_again(&self, id: OperationId) {
        self.change(id, |recorded| recorded.operation.attempts += 1);
    }

    pub(crate) fn answer(&self, id: OperationId, at: u64, output: O) {
        self.change(id, |Recorded { operation, is_under_way, .. }| {
            (operation.output, operation.returned) = (Some(output), Some(at));
            *is_under_way = false;
        });
    }

    /// Records that an operation has failed or was dropped. It may have taken effect, or may do so later.
    pub(crate) fn gave_up(&self, id: OperationId, at: u64) {
        self.change(id, |Recorded { operation, is_under_way, .. }| {
            operation.returned = Some(at);
            *is_under_way = false;
        });
    }

    /// Records that an operation has failed without an effect: it was never sent, or it was rejected for a
    /// reason that the model does not have. If it was sent again, an earlier attempt may have had an effect
    /// anyway.
    pub(crate) fn refused(&self, id: OperationId, at: u64) {
        self.change(id, |recorded| recorded.is_without_effect = recorded.operation.attempts == 1);
        self.gave_up(id, at);
    }

    /// Records a read of many keys at once, such as a page of a listing, or one key's share of an operation
    /// on many keys.
    pub(crate) fn record(
        &self,
        (invoked, returned): (u64, u64),
        client: usize,
        key: impl Into<String>,
        input: I,
        output: O,
    ) {
        let id = self.invoke(invoked, client, key, input);
        self.answer(id, returned, output);
    }

    fn change(&self, id: OperationId, change: impl FnOnce(&mut Recorded<I, O>)) {
        if let Some(recorded) = self.locked().get_mut(id.0) {
            change(recorded);
        }
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Recorded<I, O>>> {
        self.operations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checks each key's operations.
fn check_keys<I: Clone + Debug, O: Clone + Debug>(
    history: &[Recorded<I, O>],
    check: impl Fn(Vec<Operation<I, O>>) -> Result<(), Failure>,
) -> Checked {
    let mut keys = BTreeMap::<&str, Vec<&Recorded<I, O>>>::new();
    for recorded in history {
        keys.entry(&recorded.key).or_default().push(recorded);
    }
    let mut checked = Checked::default();
    for (key, recorded) in keys {
        let with_effect = recorded.iter().filter(|recorded| !recorded.is_without_effect);
        match check(with_effect.map(|recorded| recorded.operation.clone()).collect()) {
            Ok(()) => {}
            Err(Failure::Undecided) => checked.undecided.push(key.to_owned()),
            Err(Failure::Violation(reason)) => {
                let listing = listing(recorded);
                checked.violations.push(Violation { key: key.to_owned(), reason, listing });
            }
        }
    }
    checked
}

/// Returns one line per operation, in the order in which they started.
fn listing<I: Debug, O: Debug>(mut recorded: Vec<&Recorded<I, O>>) -> String {
    recorded.sort_by_key(|recorded| recorded.operation.invoked);
    let line = |Recorded { operation, is_under_way, is_without_effect, .. }: &Recorded<I, O>| {
        let Operation { client, index, input, output, invoked, returned, attempts } = operation;
        let outcome = match output {
            Some(output) => format!("{output:?}"),
            None if *is_under_way => "not answered".to_owned(),
            None if *is_without_effect => "refused".to_owned(),
            None => "failed".to_owned(),
        };
        let at = Millis(*invoked).to_string();
        let until = returned.map(|returned| format!(" at {}", Millis(returned))).unwrap_or_default();
        let times = if *attempts > 1 { format!(", sent {attempts} times") } else { String::new() };
        format!("{at:>16}  #{index:<4} client {client}: {input:?} -> {outcome}{until}{times}\n")
    };
    recorded.into_iter().map(line).collect()
}

impl KvHistory {
    /// Checks whether KV could have given these answers.
    pub(crate) fn check(&self, rules: Rules) -> Checked {
        check_keys(&self.locked(), |operations| kv::check(rules, &operations))
    }
}

impl R2History {
    /// Checks whether R2 could have given these answers. The source of a copy is another key of this history.
    pub(crate) fn check(&self) -> Checked {
        let mut history = self.locked().clone();
        let stored = stored(&history);
        let mut reads = Vec::new();
        for Recorded { operation, .. } in &mut history {
            let last = last_effect(operation);
            if let r2::Input::Copy { source, candidates, mark, .. } = &mut operation.input {
                let objects = stored.iter().filter(|((key, _), from)| key == source && **from <= last);
                *candidates = objects.map(|((_, object), _)| object.copied(*mark)).collect();
                let source = source.clone();
                reads.extend(read_of_source(&source, operation));
            }
        }
        history.extend(reads);
        check_keys(&history, |operations| linearizability::check(&R2, &r2::simplified(operations)))
    }
}

/// Returns what may have been stored, by key, with the earliest time.
fn stored(history: &[Recorded<r2::Input, r2::Output>]) -> BTreeMap<(String, r2::Object), u64> {
    let mut stored = BTreeMap::new();
    // Copies of copies need another round.
    loop {
        let mut is_done = true;
        for Recorded { key, operation, .. } in history {
            let began = operation.invoked;
            let objects: Vec<(r2::Object, u64)> = match &operation.input {
                r2::Input::Put { object, .. } => vec![(object.clone(), began)],
                r2::Input::Complete { upload, parts, .. } => {
                    completed(history, upload, parts).into_iter().map(|object| (object, began)).collect()
                }
                r2::Input::Copy { source, mark, .. } => {
                    let of_source = stored
                        .iter()
                        .filter(|((key, _), from)| key == source && **from <= last_effect(operation));
                    of_source
                        .map(|((_, object), from): (&(_, r2::Object), &u64)| {
                            (object.copied(*mark), began.max(*from))
                        })
                        .collect()
                }
                _ => Vec::new(),
            };
            for (object, from) in objects {
                let known = stored.entry((key.clone(), object)).or_insert(u64::MAX);
                is_done &= from >= *known;
                *known = from.min(*known);
            }
        }
        if is_done {
            return stored;
        }
    }
}

/// Returns the object that an upload becomes, if the history contains its parts.
fn completed(
    history: &[Recorded<r2::Input, r2::Output>],
    of: &str,
    parts: &[(u16, String)],
) -> Option<r2::Object> {
    let mark = history.iter().find_map(|Recorded { operation, .. }| {
        match (&operation.input, &operation.output) {
            (r2::Input::CreateUpload { mark }, Some(r2::Output::Created { upload })) if upload == of => {
                Some(*mark)
            }
            _ => None,
        }
    })?;
    let piece = |wanted: &(u16, String)| {
        history.iter().find_map(|Recorded { operation, .. }| match &operation.input {
            r2::Input::UploadPart { upload, number, piece }
                if upload == of && (*number, piece.etag()) == *wanted =>
            {
                Some(*piece)
            }
            _ => None,
        })
    };
    let mut parts = parts.to_vec();
    parts.sort();
    Some(r2::Object::new(Content::of_parts(parts.iter().map(piece).collect::<Option<_>>()?), mark))
}

/// Returns the latest time at which an operation may have taken effect.
fn last_effect<I, O>(operation: &Operation<I, O>) -> u64 {
    operation.answer().filter(|_| operation.copies() == 0).map_or(u64::MAX, |(_, returned)| returned)
}

/// Returns what the answer to a copy shows of its source.
fn read_of_source(
    source: &str,
    operation: &Operation<r2::Input, r2::Output>,
) -> Option<Recorded<r2::Input, r2::Output>> {
    let output = match &operation.output {
        Some(r2::Output::Stored { etag }) => r2::Output::Source { etag: etag.clone() },
        Some(r2::Output::Absent) => r2::Output::Absent,
        _ => return None,
    };
    let read =
        Operation { input: r2::Input::CopiedFrom, output: Some(output), attempts: 1, ..operation.clone() };
    Some(Recorded { key: source.to_owned(), operation: read, is_under_way: false, is_without_effect: false })
}

#[cfg(test)]
mod tests;
