//! Checks whether a specification allows the answers about one key, in some order of the operations.
//!
//! The search is Lowe's just-in-time linearization ("Testing for linearizability", 2017), a refinement of
//! Wing and Gong's. It follows the history in the order of time, and keeps every configuration that the key
//! may have: its state, and which of the pending operations have taken effect. When an answer arrives, its
//! operation must have taken effect, so the search lets other operations take effect before it, in all
//! orders. If no configuration is left, the answer is wrong.
//!
//! The following keeps the search fast if many operations are never answered, and therefore stay possible
//! forever:
//! - an operation that changes nothing takes effect as soon as its answer is right, and is dropped if it has
//!   no answer;
//! - of two configurations with the same state, the one that has used more of the unanswered operations is
//!   dropped;
//! - of unanswered operations with the same request, the oldest one is used first;
//! - only operations that the answered one depends on take effect before it.

use std::collections::HashMap;
use std::fmt::{self, Debug};
use std::hash::Hash;
use std::rc::Rc;

/// Maximum number of configurations that the search looks at before it gives up.
const BUDGET: usize = 20_000_000;

/// How many configurations the search first follows to the next answer. It returns to the others later. A
/// correct history usually needs few of them. A wrong one needs all.
const WIDTH: usize = 16;

/// How many copies of an operation the client's further attempts may leave pending.
const MAX_COPIES: u32 = 3;

/// How many states of the key a violation lists.
const SHOWN_STATES: usize = 8;

/// The effects of the operations on one key.
pub(crate) trait Specification {
    type State: Clone + Eq + Hash + Debug;
    type Input: Clone + Debug + PartialEq;
    type Output: Clone + Debug;

    fn initial(&self) -> Self::State;

    /// Returns the states in which an operation may leave the key, if this answer is possible. `None`: the
    /// answer is unknown, so any answer is possible.
    fn step(
        &self,
        state: &Self::State,
        input: &Self::Input,
        output: Option<&Self::Output>,
    ) -> Vec<Self::State>;

    /// Whether an operation with this answer leaves every state unchanged.
    fn is_read(&self, input: &Self::Input, output: Option<&Self::Output>) -> bool;

    /// Whether the order of two operations may matter.
    fn depend(&self, _: &Self::Input, _: &Self::Input) -> bool {
        true
    }
}

/// A client's request and its answer.
///
/// All times come from one clock. A request sent at the time of another one's answer is concurrent with it.
#[derive(Debug, Clone)]
pub(crate) struct Operation<I, O> {
    pub(crate) client: usize,
    /// Its position in the history of all keys.
    pub(crate) index: usize,
    pub(crate) input: I,
    /// `None`: it may take effect at any time, or never.
    pub(crate) output: Option<O>,
    pub(crate) invoked: u64,
    pub(crate) returned: Option<u64>,
    /// How often the client has sent it. An earlier request whose answer was lost may be executed at any
    /// time, too.
    pub(crate) attempts: u32,
}

impl<I, O> Operation<I, O> {
    /// Returns the answer and its time.
    pub(crate) fn answer(&self) -> Option<(&O, u64)> {
        self.output.as_ref().zip(self.returned)
    }

    /// Returns how many of its requests, in addition to the answered one, may or may not take effect.
    pub(crate) fn copies(&self) -> u32 {
        self.attempts.saturating_sub(1).min(MAX_COPIES)
    }
}

/// Why a history is not known to be correct.
#[derive(Debug)]
pub(crate) enum Failure {
    Violation(Violation),
    /// There are too many orders to look at all of them.
    Undecided,
}

/// An answer that the specification allows in no order.
#[derive(Debug)]
pub(crate) struct Violation {
    /// The [`Operation::index`] of the operation that fits into no order.
    pub(crate) index: usize,
    pub(crate) message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}: {}", self.index, self.message)
    }
}

/// Searches for an order of the operations in which the specification allows every answer.
pub(crate) fn check<S: Specification>(
    specification: &S,
    operations: &[Operation<S::Input, S::Output>],
) -> Result<(), Failure> {
    Search::new(specification, operations)?.run()
}

/// An operation, or a copy of one, in the search.
struct Call {
    operation: usize,
    /// Its row in the table of steps.
    row: usize,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Answered, and changes nothing.
    Read,
    /// Answered.
    Write,
    /// Not answered: its number among these, and that of the previous one with the same request.
    Optional { number: usize, previous: Option<usize> },
}

/// A row of the table of steps. All calls of a row lead from each state to the same states.
struct Row {
    operation: usize,
    is_answered: bool,
    /// By state, as far as they have been looked up.
    steps: Vec<Option<Rc<[usize]>>>,
}

/// An answer, and the configurations in which it may have been given.
struct Answer {
    call: usize,
    /// The pending calls that change something and may have to take effect before `call`, and `call` itself.
    /// All others can take effect later, because none of them has been answered.
    needed: Vec<usize>,
    /// The pending reads.
    reads: Vec<usize>,
    /// The slots of `reads`.
    are_reads: u128,
    /// Configurations without the call's effect.
    reached: Frontier,
    /// How many of `reached` have been followed.
    followed: usize,
    /// Configurations with the call's effect.
    explained: Frontier,
    /// How many of `explained` the search has continued with.
    passed_on: usize,
    /// The possible states of the key after the previous answer.
    before: Vec<usize>,
}

/// A bit per optional call.
#[derive(Clone, PartialEq, Eq)]
struct Used(Box<[u64]>);

impl Used {
    fn contains(&self, number: usize) -> bool {
        self.0[number / 64] & 1 << (number % 64) != 0
    }

    fn insert(&mut self, number: usize) {
        self.0[number / 64] |= 1 << (number % 64);
    }

    fn is_subset(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(own, other)| own & !other == 0)
    }
}

/// A possible configuration of the key.
#[derive(Clone)]
struct Configuration {
    state: usize,
    /// Which of the pending calls have taken effect, by their slots.
    done: u128,
    used: Used,
}

/// Configurations of which none is at least as good as another one in every respect.
#[derive(Default)]
struct Frontier {
    /// `None`: another one is better.
    configurations: Vec<Option<Configuration>>,
    /// Those with the same state and the same writes done.
    alike: HashMap<(usize, u128), Vec<usize>>,
}

impl Frontier {
    /// Adds a configuration. Returns `false` if an existing one is at least as good. `reads` are the slots of
    /// calls that change nothing; more of them done is better. Each comparison reduces `budget` by one.
    fn insert(&mut self, new: Configuration, reads: u128, budget: &mut usize) -> bool {
        let alike = self.alike.entry((new.state, new.done & !reads)).or_default();
        let is_better =
            |a: &Configuration, b: &Configuration| b.done & !a.done == 0 && a.used.is_subset(&b.used);
        let known = |at: &usize| self.configurations[*at].as_ref();
        *budget = budget.saturating_sub(1 + alike.len());
        if alike.iter().filter_map(known).any(|known| is_better(known, &new)) {
            return false;
        }
        alike.retain(|at| {
            let is_worse = self.configurations[*at].as_ref().is_some_and(|known| is_better(&new, known));
            if is_worse {
                self.configurations[*at] = None;
            }
            !is_worse
        });
        alike.push(self.configurations.len());
        self.configurations.push(Some(new));
        true
    }
}

struct Search<'a, S: Specification> {
    specification: &'a S,
    operations: &'a [Operation<S::Input, S::Output>],
    calls: Vec<Call>,
    /// The slot of each answered call in [`Configuration::done`]. Calls that are not pending at the same time
    /// may share a slot.
    slots: Vec<u32>,
    rows: Vec<Row>,
    /// In the order of time.
    answers: Vec<Answer>,
    states: Vec<S::State>,
    numbers: HashMap<S::State, usize>,
    optional: usize,
    budget: usize,
}

impl<'a, S: Specification> Search<'a, S> {
    fn new(specification: &'a S, operations: &'a [Operation<S::Input, S::Output>]) -> Result<Self, Failure> {
        let mut order: Vec<usize> = (0..operations.len()).collect();
        order.sort_by_key(|operation| operations[*operation].invoked);
        let (mut calls, mut rows, mut events) = (Vec::new(), Vec::<Row>::new(), Vec::new());
        // The optional calls of each input: their row, and the newest of them.
        let mut asked: Vec<(usize, usize)> = Vec::new();
        let mut optional = 0;
        for operation in order {
            let Operation { input, invoked, .. } = &operations[operation];
            let answer = operations[operation].answer();
            if let Some((output, returned)) = answer {
                let kind = if specification.is_read(input, Some(output)) { Kind::Read } else { Kind::Write };
                events.push((*invoked, false, calls.len()));
                events.push((returned, true, calls.len()));
                calls.push(Call { operation, row: rows.len(), kind });
                rows.push(Row { operation, is_answered: true, steps: Vec::new() });
            }
            if specification.is_read(input, None) {
                continue;
            }
            for _ in 0..operations[operation].copies() + u32::from(answer.is_none()) {
                let same = asked.iter_mut().find(|(row, _)| operations[rows[*row].operation].input == *input);
                let (row, previous) = if let Some((row, newest)) = same {
                    (*row, Some(std::mem::replace(newest, optional)))
                } else {
                    asked.push((rows.len(), optional));
                    rows.push(Row { operation, is_answered: false, steps: Vec::new() });
                    (rows.len() - 1, None)
                };
                events.push((*invoked, false, calls.len()));
                calls.push(Call { operation, row, kind: Kind::Optional { number: optional, previous } });
                optional += 1;
            }
        }
        // A request at the time of an answer comes before it.
        events.sort_by_key(|(time, is_answer, _)| (*time, *is_answer));
        let initial = specification.initial();
        let mut search = Self {
            specification,
            operations,
            slots: vec![0; calls.len()],
            calls,
            rows,
            answers: Vec::new(),
            states: vec![initial.clone()],
            numbers: HashMap::from([(initial, 0)]),
            optional,
            budget: BUDGET,
        };
        search.place(&events)?;
        Ok(search)
    }

    /// Assigns the calls their slots, and creates the answers.
    fn place(&mut self, events: &[(u64, bool, usize)]) -> Result<(), Failure> {
        let (mut under_way, mut taken) = (Vec::new(), 0_u128);
        for (_, is_answer, call) in events {
            let is_optional = matches!(self.calls[*call].kind, Kind::Optional { .. });
            if !is_answer {
                under_way.push(*call);
                if !is_optional {
                    let slot = taken.trailing_ones();
                    taken |= 1_u128.checked_shl(slot).ok_or(Failure::Undecided)?;
                    self.slots[*call] = slot;
                }
                continue;
            }
            let reads = under_way.iter().filter(|call| self.calls[**call].kind == Kind::Read).copied();
            let reads: Vec<usize> = reads.collect();
            self.answers.push(Answer {
                call: *call,
                needed: self.needed_before(*call, &under_way),
                are_reads: reads.iter().fold(0, |slots, call| slots | self.slot(*call)),
                reads,
                reached: Frontier::default(),
                followed: 0,
                explained: Frontier::default(),
                passed_on: 0,
                before: Vec::new(),
            });
            under_way.retain(|other| other != call);
            taken &= !self.slot(*call);
        }
        Ok(())
    }

    fn slot(&self, call: usize) -> u128 {
        1 << self.slots[call]
    }

    /// See [`Answer::needed`].
    fn needed_before(&self, call: usize, under_way: &[usize]) -> Vec<usize> {
        let mut others = under_way.to_vec();
        others.retain(|other| *other != call);
        let mut needed = vec![call];
        let mut next = 0;
        while let Some(call) = needed.get(next).copied() {
            next += 1;
            let input = &self.operations[self.calls[call].operation].input;
            others.retain(|other| {
                let depends =
                    self.specification.depend(input, &self.operations[self.calls[*other].operation].input);
                if depends {
                    needed.push(*other);
                }
                !depends
            });
        }
        needed.retain(|call| self.calls[*call].kind != Kind::Read);
        needed.sort_unstable();
        needed
    }

    fn run(mut self) -> Result<(), Failure> {
        let used = Used(vec![0; self.optional.div_ceil(64)].into());
        let (mut at, mut furthest) = (0, 0);
        self.enter(0, Configuration { state: 0, done: 0, used })?;
        while at < self.answers.len() {
            furthest = furthest.max(at);
            if self.go_on(at)? {
                at += 1;
            } else if at > 0 {
                at -= 1;
            } else {
                return Err(Failure::Violation(self.violation(furthest)));
            }
        }
        Ok(())
    }

    /// Continues from an answer to the next one, with configurations that it has not continued with. Returns
    /// whether there are any.
    fn go_on(&mut self, at: usize) -> Result<bool, Failure> {
        let mut entered = 0;
        loop {
            let answer = &mut self.answers[at];
            if let Some(explained) = answer.explained.configurations.get(answer.passed_on) {
                answer.passed_on += 1;
                if let Some(mut configuration) = explained.clone() {
                    configuration.done &= !self.slot(self.answers[at].call);
                    entered += usize::from(self.enter(at + 1, configuration)?);
                }
            } else if entered >= WIDTH {
                return Ok(true);
            } else if let Some(reached) = answer.reached.configurations.get(answer.followed) {
                answer.followed += 1;
                if let Some(configuration) = reached.clone() {
                    self.follow(at, &configuration)?;
                }
            } else {
                return Ok(entered > 0);
            }
        }
    }

    /// Adds a configuration after the previous answer. Returns whether it is worth following.
    fn enter(&mut self, at: usize, configuration: Configuration) -> Result<bool, Failure> {
        if at == self.answers.len() {
            return Ok(true);
        }
        if !self.answers[at].before.contains(&configuration.state) {
            self.answers[at].before.push(configuration.state);
        }
        self.reach(at, configuration)
    }

    /// Lets each call take effect that may do so before an answer.
    fn follow(&mut self, at: usize, from: &Configuration) -> Result<(), Failure> {
        for next in 0..self.answers[at].needed.len() {
            let call = self.answers[at].needed[next];
            let (mut done, mut used) = (from.done, from.used.clone());
            match self.calls[call].kind {
                Kind::Write if done & self.slot(call) == 0 => done |= self.slot(call),
                Kind::Optional { number, previous }
                    if !used.contains(number) && previous.is_none_or(|previous| used.contains(previous)) =>
                {
                    used.insert(number);
                }
                _ => continue,
            }
            for state in self.steps(self.calls[call].row, from.state).iter() {
                self.reach(at, Configuration { state: *state, done, used: used.clone() })?;
            }
        }
        Ok(())
    }

    /// Keeps a configuration, with all reads done whose answers are right in it, if it is worth following.
    fn reach(&mut self, at: usize, mut configuration: Configuration) -> Result<bool, Failure> {
        for next in 0..self.answers[at].reads.len() {
            let call = self.answers[at].reads[next];
            if configuration.done & self.slot(call) == 0
                && !self.steps(self.calls[call].row, configuration.state).is_empty()
            {
                configuration.done |= self.slot(call);
            }
        }
        let slot = self.slot(self.answers[at].call);
        let answer = &mut self.answers[at];
        let place = if configuration.done & slot == 0 { &mut answer.reached } else { &mut answer.explained };
        let is_new = place.insert(configuration, answer.are_reads, &mut self.budget);
        if self.budget == 0 { Err(Failure::Undecided) } else { Ok(is_new) }
    }

    /// Returns the states to which a row of the table leads from a state.
    fn steps(&mut self, row: usize, state: usize) -> Rc<[usize]> {
        if let Some(Some(known)) = self.rows[row].steps.get(state) {
            return Rc::clone(known);
        }
        let Row { operation, is_answered, .. } = self.rows[row];
        let Operation { input, output, .. } = &self.operations[operation];
        let output = output.as_ref().filter(|_| is_answered);
        let reached = self.specification.step(&self.states[state], input, output);
        let reached: Rc<[usize]> = reached.into_iter().map(|reached| self.number(reached)).collect();
        let steps = &mut self.rows[row].steps;
        if steps.len() <= state {
            steps.resize(state + 1, None);
        }
        steps[state] = Some(Rc::clone(&reached));
        reached
    }

    fn number(&mut self, state: S::State) -> usize {
        let next = self.states.len();
        *self.numbers.entry(state).or_insert_with_key(|state| {
            self.states.push(state.clone());
            next
        })
    }

    /// `at` is the answer that nothing explains.
    fn violation(&self, at: usize) -> Violation {
        let Answer { call, before, reached, .. } = &self.answers[at];
        let Operation { client, index, input, output, .. } = &self.operations[self.calls[*call].operation];
        let mut further = Vec::new();
        for Configuration { state, .. } in reached.configurations.iter().flatten() {
            if !before.contains(state) && !further.contains(state) {
                further.push(*state);
            }
        }
        let further = match further.as_slice() {
            [] => String::new(),
            further => format!("; pending operations could make it {}", self.describe(further)),
        };
        let message = format!(
            "client {client} asked for {input:?} and was answered {}, which no order of the operations explains. After the {at} that were \
             answered before it the key was {}{further}",
            output.as_ref().map(|output| format!("{output:?}")).unwrap_or_default(),
            self.describe(before)
        );
        Violation { index: *index, message }
    }

    fn describe(&self, states: &[usize]) -> String {
        let shown = states.iter().take(SHOWN_STATES).map(|state| format!("{:?}", self.states[*state]));
        let mut shown: Vec<String> = shown.collect();
        if states.len() > SHOWN_STATES {
            shown.push(format!("{} more", states.len() - SHOWN_STATES));
        }
        shown.join(" or ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number that is written and read.
    struct Register;

    impl Specification for Register {
        type State = u8;
        type Input = Option<u8>;
        type Output = u8;

        fn initial(&self) -> u8 {
            0
        }

        fn step(&self, state: &u8, input: &Option<u8>, output: Option<&u8>) -> Vec<u8> {
            let new = input.unwrap_or(*state);
            if output.is_none_or(|output| *output == new) { vec![new] } else { Vec::new() }
        }

        fn is_read(&self, input: &Option<u8>, _: Option<&u8>) -> bool {
            input.is_none()
        }
    }

    fn operation(
        index: usize,
        input: Option<u8>,
        output: Option<u8>,
        times: (u64, u64),
    ) -> Operation<Option<u8>, u8> {
        let (invoked, returned) = times;
        Operation { client: index, index, input, output, invoked, returned: Some(returned), attempts: 1 }
    }

    #[test]
    fn what_touches_is_concurrent() {
        let at = |begin| {
            let write = operation(0, Some(1), Some(1), (0, 5));
            check(&Register, &[write, operation(1, None, Some(0), (begin, 9))])
        };
        assert!(at(5).is_ok());
        let Err(Failure::Violation(violation)) = at(6) else { panic!("it is read too late") };
        assert_eq!(
            violation.to_string(),
            "#1: client 1 asked for None and was answered 0, which no order of the operations explains. After the 1 that were \
             answered before it the key was 1"
        );
    }

    #[test]
    fn a_violation_says_what_could_have_been() {
        let lost = |index, value| operation(index, Some(value), None, (0, 1));
        let read = operation(2, None, Some(9), (2, 3));
        let Err(Failure::Violation(violation)) = check(&Register, &[lost(0, 1), lost(1, 2), read]) else {
            panic!("nobody wrote it")
        };
        let message = violation.to_string();
        assert!(message.ends_with("the key was 0; pending operations could make it 1 or 2"), "{message}");
    }

    #[test]
    fn the_search_ends() {
        let writes = (0..40).map(|at| operation(at, Some(1 + u8::try_from(at).unwrap()), None, (0, 1)));
        let mut operations: Vec<_> = writes.collect();
        operations.push(operation(40, None, Some(99), (2, 3)));
        assert!(matches!(check(&Register, &operations), Err(Failure::Violation(_))));
        let mut search = Search::new(&Register, &operations).unwrap_or_else(|_| panic!("it has slots"));
        search.budget = 100;
        assert!(matches!(search.run(), Err(Failure::Undecided)));
        // More clients than the search has slots for.
        let reads: Vec<_> = (0..129).map(|at| operation(at, None, Some(0), (0, 1))).collect();
        assert!(matches!(check(&Register, &reads), Err(Failure::Undecided)));
        assert!(check(&Register, &reads[..128]).is_ok());
    }
}
