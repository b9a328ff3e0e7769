//! What Workers KV guarantees for one key of a namespace.
//!
//! The documentation of the rules:
//! - Reads may be stale, also for missing keys, and the last write wins: [how KV
//!   works](https://developers.cloudflare.com/kv/concepts/how-kv-works/#consistency).
//! - Keys expire: [expiring
//!   keys](https://developers.cloudflare.com/kv/api/write-key-value-pairs/#expiring-keys).
//!
//! A stale read is only required to return an answer that was right at some time within the staleness before
//! it. KV does not guarantee that a client sees its own writes, or that a later read sees later writes.
//! Without staleness, which the embedded store guarantees, the answers must have an order in which each read
//! sees the last write before it.

use std::fmt;

use super::content::Digest;
use crate::linearizability::{self, Failure, Operation, Specification, Violation};

/// How old an answer may be. Times are nanoseconds of the history's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// For how long a value, or its absence, may be read after it was replaced.
    pub(crate) staleness: u64,
    /// How much earlier or later than its time a key may expire: KV counts seconds, by its own clock.
    pub(crate) expiry_tolerance: u64,
    /// For how long a value may be read after it has expired. KV's caches do not outlive it.
    pub(crate) expired_for: u64,
}

const SECOND: u64 = 1_000_000_000;

impl Rules {
    /// The rules of the embedded store.
    pub(crate) const IMMEDIATE: Self = Self { staleness: 0, expiry_tolerance: SECOND, expired_for: 0 };

    /// The rules of KV, which caches for 60 seconds.
    pub(crate) const EVENTUAL: Self = Self { staleness: 60 * SECOND, ..Self::IMMEDIATE };
}

/// A value with its metadata and expiration.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Pair {
    pub(crate) value: Digest,
    pub(crate) metadata: Option<String>,
}

impl Pair {
    pub(crate) fn new(value: &[u8], metadata: Option<&str>) -> Self {
        Self { value: Digest::of(value), metadata: metadata.map(str::to_owned) }
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.value)?;
        self.metadata.as_ref().map_or(Ok(()), |metadata| write!(f, " with {metadata:?}"))
    }
}

/// When a key expires, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expiration {
    /// At this time of the history's clock.
    At(u64),
    /// This long after the write.
    After(u64),
}

/// A request to KV. An operation on many keys is one on each of them.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Input {
    Put {
        pair: Pair,
        expiration: Option<Expiration>,
    },
    Delete,
    Get,
    /// A page of keys contains the key, or skips it.
    Listed,
}

impl Input {
    #[cfg(test)]
    pub(crate) fn put(pair: Pair) -> Self {
        Self::Put { pair, expiration: None }
    }

    fn is_read(&self) -> bool {
        matches!(self, Self::Get | Self::Listed)
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put { pair, expiration } => {
                write!(f, "put {pair:?}")?;
                match expiration {
                    None => Ok(()),
                    Some(Expiration::At(at)) => write!(f, " until {}", Millis(*at)),
                    Some(Expiration::After(after)) => write!(f, " for {}", Millis(*after)),
                }
            }
            Self::Delete => write!(f, "delete"),
            Self::Get => write!(f, "get"),
            Self::Listed => write!(f, "list"),
        }
    }
}

/// An answer of KV.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Output {
    /// The answer to a write.
    Done,
    /// A value without metadata.
    Value(Digest),
    Pair(Pair),
    /// The key's row on a page, with its metadata.
    Row(Option<String>),
    Missing,
}

impl Output {
    /// Whether a read may return this if `pair` is stored.
    fn shows(&self, pair: Option<&Pair>) -> bool {
        match (self, pair) {
            (Self::Value(value), Some(pair)) => pair.value == *value,
            (Self::Pair(shown), Some(pair)) => pair == shown,
            (Self::Row(metadata), Some(pair)) => pair.metadata == *metadata,
            (Self::Missing, None) => true,
            _ => false,
        }
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => write!(f, "done"),
            Self::Value(value) => write!(f, "{value:?}"),
            Self::Pair(pair) => write!(f, "{pair:?}"),
            Self::Row(None) => write!(f, "a row"),
            Self::Row(Some(metadata)) => write!(f, "a row with {metadata:?}"),
            Self::Missing => write!(f, "missing"),
        }
    }
}

/// A time in milliseconds, for output.
pub(crate) struct Millis(pub(crate) u64);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03} ms", self.0 / 1_000_000, self.0 / 1000 % 1000)
    }
}

/// Whether the rules allow every answer.
pub(crate) fn check(rules: Rules, operations: &[Operation<Input, Output>]) -> Result<(), Failure> {
    let spans = spans(rules, operations);
    for read in operations.iter().filter(|operation| operation.input.is_read()) {
        if let Some((output, returned)) = read.answer() {
            check_read(rules, &spans, read, output, returned).map_err(Failure::Violation)?;
        }
    }
    if rules.staleness == 0 { check_order(rules, operations) } else { Ok(()) }
}

/// The time during which a value, or its absence, may have been current.
struct Span<'a> {
    pair: Option<&'a Pair>,
    from: u64,
    until: u64,
    /// Whether it ended because the key expired.
    is_expired: bool,
}

fn spans(rules: Rules, operations: &[Operation<Input, Output>]) -> Vec<Span<'_>> {
    let writes: Vec<_> = operations.iter().filter(|operation| !operation.input.is_read()).collect();
    // The first write that started after `time` and is done: from its answer on, nothing that was done by
    // `time` is current.
    let replaced = |time: Option<u64>| {
        let later = writes.iter().filter(|write| time.is_none_or(|time| write.invoked > time));
        later.filter_map(|write| Some(write.answer()?.1)).min().unwrap_or(u64::MAX)
    };
    let mut spans = vec![Span { pair: None, from: 0, until: replaced(None), is_expired: false }];
    for write in &writes {
        let answered = write.answer().map(|(_, returned)| returned);
        let until = answered.map(|answered| (replaced(Some(answered)), answered));
        // It is unknown when a request is executed whose answer was lost.
        let unknown = (answered.is_none() || write.copies() > 0).then_some((u64::MAX, u64::MAX));
        for (until, done) in until.into_iter().chain(unknown) {
            let Input::Put { pair, expiration } = &write.input else {
                spans.push(Span { pair: None, from: write.invoked, until, is_expired: false });
                continue;
            };
            let (mut ends, mut is_expired) = (until, false);
            if let Some(expiration) = expiration {
                let (first, last) = expires(rules, *expiration, write.invoked, done);
                let from = first.max(write.invoked);
                spans.push(Span { pair: None, from, until: until.max(from), is_expired: false });
                (ends, is_expired) = (until.min(last), last < until);
            }
            spans.push(Span { pair: Some(pair), from: write.invoked, until: ends, is_expired });
        }
    }
    spans
}

/// Returns the earliest and the latest time at which a key expires that was written between two times.
fn expires(rules: Rules, expiration: Expiration, invoked: u64, done: u64) -> (u64, u64) {
    let (first, last) = match expiration {
        Expiration::At(at) => (at, at),
        Expiration::After(after) => (invoked.saturating_add(after), done.saturating_add(after)),
    };
    (first.saturating_sub(rules.expiry_tolerance), last.saturating_add(rules.expiry_tolerance))
}

fn check_read(
    rules: Rules,
    spans: &[Span<'_>],
    read: &Operation<Input, Output>,
    output: &Output,
    returned: u64,
) -> Result<(), Violation> {
    let Operation { client, index, input, invoked, .. } = read;
    let stale_for = |span: &Span<'_>| {
        if span.is_expired { rules.expired_for.min(rules.staleness) } else { rules.staleness }
    };
    let mut last: Option<&Span<'_>> = None;
    for span in spans.iter().filter(|span| span.from <= returned && output.shows(span.pair)) {
        if invoked.saturating_sub(stale_for(span)) <= span.until {
            return Ok(());
        }
        last = last.filter(|last| last.until >= span.until).or(Some(span));
    }
    let why = match last {
        None => "which was not so at any time before".to_owned(),
        Some(span) => {
            let ended = if span.is_expired { "it had expired" } else { "it was replaced" };
            format!("{} after {ended} at {}", Millis(invoked - span.until), Millis(span.until))
        }
    };
    Err(Violation {
        index: *index,
        message: format!("client {client} asked for {input:?} and was answered {output:?}, {why}"),
    })
}

/// Whether the answers have an order in which each read sees the last write before it.
fn check_order(rules: Rules, operations: &[Operation<Input, Output>]) -> Result<(), Failure> {
    let is_seen = |pair: &Pair| {
        operations.iter().filter_map(Operation::answer).any(|(output, _)| output.shows(Some(pair)))
    };
    let mut steps: Vec<Operation<Step, Output>> = Vec::new();
    for (position, operation) in operations.iter().enumerate() {
        let answer = operation.answer();
        let step = |input, answer: Option<(Output, u64)>, invoked| {
            let (output, returned) = answer.unzip();
            let Operation { client, index, .. } = *operation;
            Operation { client, index, input, output, invoked, returned, attempts: 1 }
        };
        let (known, lost) = match &operation.input {
            Input::Put { pair, expiration } => {
                if let Some(expiration) = *expiration {
                    let done =
                        answer.filter(|_| operation.copies() == 0).map_or(u64::MAX, |(_, returned)| returned);
                    let (first, last) = expires(rules, expiration, operation.invoked, done);
                    let answer = (last < u64::MAX).then_some((Output::Done, last));
                    steps.push(step(Step::Expire(position), answer, first));
                }
                let known = Step::Put { pair: pair.clone(), expires: expiration.map(|_| position) };
                let lost =
                    if expiration.is_some() || is_seen(pair) { known.clone() } else { Step::PutUnseen };
                (known, lost)
            }
            Input::Delete => (Step::Delete, Step::Delete),
            Input::Get | Input::Listed => (Step::Read, Step::Read),
        };
        for _ in 0..operation.copies() + u32::from(answer.is_none()) {
            steps.push(step(lost.clone(), None, operation.invoked));
        }
        if let Some((output, returned)) = answer {
            steps.push(step(known, Some((output.clone(), returned)), operation.invoked));
        }
    }
    linearizability::check(&Register, &steps)
}

/// The effects on a key, without staleness.
#[derive(Clone, PartialEq, Eq)]
enum Step {
    /// `expires` is the number of this write's [`Expire`](Self::Expire).
    Put {
        pair: Pair,
        expires: Option<usize>,
    },
    /// An unanswered put of a value that nobody has read.
    PutUnseen,
    Expire(usize),
    Delete,
    Read,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put { pair, .. } => write!(f, "put {pair:?}"),
            Self::PutUnseen => write!(f, "put"),
            Self::Expire(_) => write!(f, "expire"),
            Self::Delete => write!(f, "delete"),
            Self::Read => write!(f, "read"),
        }
    }
}

/// The stored value.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Stored {
    Missing,
    Unseen,
    Pair { pair: Pair, expires: Option<usize> },
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(f, "missing"),
            Self::Unseen => write!(f, "a value that nobody has read"),
            Self::Pair { pair, .. } => write!(f, "{pair:?}"),
        }
    }
}

/// KV without staleness.
struct Register;

impl Specification for Register {
    type State = Stored;
    type Input = Step;
    type Output = Output;

    fn initial(&self) -> Stored {
        Stored::Missing
    }

    fn step(&self, state: &Stored, input: &Step, output: Option<&Output>) -> Vec<Stored> {
        let pair = match state {
            Stored::Pair { pair, .. } => Some(pair),
            Stored::Missing | Stored::Unseen => None,
        };
        match input {
            Step::Put { pair, expires } => vec![Stored::Pair { pair: pair.clone(), expires: *expires }],
            Step::PutUnseen => vec![Stored::Unseen],
            Step::Expire(number) => match state {
                Stored::Pair { expires: Some(expires), .. } if expires == number => vec![Stored::Missing],
                _ => vec![state.clone()],
            },
            Step::Delete => vec![Stored::Missing],
            Step::Read => {
                let shows = |output: &Output| *state != Stored::Unseen && output.shows(pair);
                if output.is_none_or(shows) { vec![state.clone()] } else { Vec::new() }
            }
        }
    }

    fn is_read(&self, input: &Step, _: Option<&Output>) -> bool {
        *input == Step::Read
    }
}
