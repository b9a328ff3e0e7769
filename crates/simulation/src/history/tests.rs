use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;

use super::{Checked, History, KvHistory, OperationId, R2History};
use crate::linearizability::{Operation, Specification as _};
use crate::specification::content::{Content, Digest, Piece};
use crate::specification::kv::{self, Expiration, Pair, Rules};
use crate::specification::r2::{self, Condition, Input, Object, Output, Range};

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1000 * MILLISECOND;

fn content(seed: u64) -> Content {
    Content::new(seed, 1000 + seed)
}

fn object(seed: u64) -> Object {
    Object::new(content(seed), seed)
}

fn etag(seed: u64) -> String {
    content(seed).etag().to_owned()
}

fn stored(seed: u64) -> Output {
    Output::Stored { etag: etag(seed) }
}

fn found(seed: u64) -> Output {
    let content = content(seed);
    let bytes = Digest::of(&content.bytes());
    Output::Found { etag: content.etag().to_owned(), size: content.size(), mark: Some(seed), bytes }
}

/// A history of one key, with a line per operation: start, end, request and answer. Each operation has its
/// own client.
fn history(operations: Vec<(u64, u64, Input, Option<Output>)>) -> R2History {
    let history = R2History::new();
    for (client, (invoked, returned, input, output)) in operations.into_iter().enumerate() {
        let id = history.invoke(invoked, client, "key", input);
        match output {
            Some(output) => history.answer(id, returned, output),
            None => history.gave_up(id, returned),
        }
    }
    history
}

fn assert_right(operations: Vec<(u64, u64, Input, Option<Output>)>) {
    let checked = history(operations).check();
    assert!(checked.violations.is_empty(), "{}", checked.violations[0]);
    assert!(checked.undecided.is_empty());
}

/// `index` is the operation that fits into no order.
fn assert_wrong(index: usize, operations: Vec<(u64, u64, Input, Option<Output>)>) -> String {
    let checked = history(operations).check();
    assert_eq!(checked.violations.len(), 1);
    assert_eq!(checked.violations[0].reason.index, index, "{}", checked.violations[0]);
    checked.violations[0].to_string()
}

fn put(seed: u64) -> Input {
    Input::put(object(seed))
}

fn put_if(seed: u64, condition: Condition) -> Input {
    Input::Put { object: object(seed), condition }
}

#[test]
fn reads_see_what_was_acknowledged() {
    assert_right(vec![
        (0, 1, put(1), Some(stored(1))),
        (2, 9, put(2), Some(stored(2))),
        (3, 4, Input::get(), Some(found(1))),
        (5, 6, Input::get(), Some(found(2))),
        (7, 8, Input::delete(), Some(Output::Done)),
    ]);
    let message = assert_wrong(
        2,
        vec![
            (0, 1, put(1), Some(stored(1))),
            (2, 3, put(2), Some(stored(2))),
            (4, 5, Input::get(), Some(found(1))),
        ],
    );
    assert!(message.contains("After the 2 that were answered before it"), "{message}");
    assert!(message.contains("#1    client 1: put"), "{message}");
    // The new value, and then the old one again.
    assert_wrong(
        3,
        vec![
            (0, 1, put(1), Some(stored(1))),
            (2, 9, put(2), Some(stored(2))),
            (3, 4, Input::get(), Some(found(2))),
            (5, 6, Input::get(), Some(found(1))),
        ],
    );
}

#[test]
fn acknowledged_puts_are_not_lost_and_deleted_objects_do_not_return() {
    let lost = vec![(0, 1, put(1), Some(stored(1))), (2, 3, Input::get(), Some(Output::Absent))];
    assert_wrong(1, lost);
    let returned = vec![
        (0, 1, put(1), Some(stored(1))),
        (2, 3, Input::delete(), Some(Output::Done)),
        (4, 5, Input::delete(), Some(Output::Done)),
        (6, 7, Input::get(), Some(found(1))),
    ];
    assert_wrong(3, returned);
}

#[test]
fn what_was_not_answered_may_happen_at_any_time_once_or_never() {
    assert_right(vec![
        (0, 1, put(1), Some(stored(1))),
        (2, 3, put(2), None),
        (4, 5, Input::get(), Some(found(1))),
        (6, 7, Input::get(), Some(found(2))),
        (8, 9, put(3), Some(stored(3))),
        (10, 11, Input::get(), Some(found(3))),
    ]);
    let twice = vec![
        (2, 3, put(2), None),
        (6, 7, Input::get(), Some(found(2))),
        (8, 9, put(3), Some(stored(3))),
        (10, 11, Input::get(), Some(found(2))),
    ];
    assert_wrong(3, twice.clone());
    // An operation that a client sends twice may be executed twice.
    let history = history(twice);
    history.sent_again(OperationId(0));
    assert!(history.check().violations.is_empty());
    // A request has no effect before it is sent.
    assert_wrong(0, vec![(0, 1, Input::get(), Some(found(2))), (2, 3, put(2), None)]);
}

#[test]
fn what_was_refused_had_no_effect_unless_it_was_sent_before() {
    for is_sent_again in [false, true] {
        let history = R2History::new();
        let id = history.invoke(0, 0, "key", put(1));
        if is_sent_again {
            history.sent_again(id);
        }
        history.refused(id, 1);
        history.record((2, 3), 0, "key", Input::get(), found(1));
        assert_eq!(history.check().violations.is_empty(), is_sent_again);
    }
}

#[test]
fn conditions_are_atomic() {
    let absent = || put_if(2, Condition::absent());
    assert_right(vec![
        (0, 9, put_if(1, Condition::absent()), Some(stored(1))),
        (0, 9, absent(), Some(Output::PreconditionFailed)),
    ]);
    assert_wrong(
        1,
        vec![(0, 8, put_if(1, Condition::absent()), Some(stored(1))), (0, 9, absent(), Some(stored(2)))],
    );
    // A lost update: both replace the same object.
    let is_1 = |seed| put_if(seed, Condition::is(etag(1)));
    assert_wrong(
        2,
        vec![
            (0, 1, put(1), Some(stored(1))),
            (2, 8, is_1(2), Some(stored(2))),
            (2, 9, is_1(3), Some(stored(3))),
        ],
    );
    assert_right(vec![
        (0, 1, put(1), Some(stored(1))),
        (2, 8, is_1(2), Some(stored(2))),
        (2, 9, is_1(3), Some(Output::PreconditionFailed)),
    ]);
    // It was rejected, although nothing can have been in its way.
    assert_wrong(0, vec![(0, 1, absent(), Some(Output::PreconditionFailed))]);
    // The first request was executed, and the second one rejected.
    let retried = history(vec![
        (0, 1, absent(), Some(Output::PreconditionFailed)),
        (2, 3, Input::get(), Some(found(2))),
    ]);
    retried.sent_again(OperationId(0));
    assert!(retried.check().violations.is_empty());
}

#[test]
fn reads_have_conditions_and_ranges() {
    let get = |condition: Condition, range| Input::Get { condition, range };
    let read = |range, output: Output| {
        vec![(0, 1, put(1), Some(stored(1))), (2, 3, get(Condition::default(), range), Some(output))]
    };
    let part = |offset, length| {
        let (content, bytes) = (content(1), Digest::of(&content(1).slice(offset, length)));
        Output::Found { etag: etag(1), size: content.size(), mark: Some(1), bytes }
    };
    let size = content(1).size();
    for (range, offset, length) in [
        (Range::Slice { offset: 10, length: 5 }, 10, 5),
        (Range::Slice { offset: 1000, length: 5 }, 1000, 1),
        (Range::From { offset: 7 }, 7, size - 7),
        (Range::Suffix { length: 3 }, size - 3, 3),
        (Range::Suffix { length: 5000 }, 0, size),
    ] {
        assert_right(read(Some(range), part(offset, length)));
        assert_wrong(1, read(Some(range), part(offset, length - 1)));
        assert_wrong(1, read(Some(range), part(offset + 1, length)));
        assert_wrong(1, read(Some(range), Output::RangeNotSatisfiable));
    }
    for range in [Range::From { offset: size }, Range::Slice { offset: size, length: 1 }] {
        assert_right(read(Some(range), Output::RangeNotSatisfiable));
        assert_wrong(1, read(Some(range), part(size - 1, 1)));
    }
    let read = |condition, output: Output| {
        vec![(0, 1, put(1), Some(stored(1))), (2, 3, get(condition, None), Some(output))]
    };
    assert_right(read(Condition::is(etag(1)), found(1)));
    assert_right(read(Condition::is(etag(2)), Output::PreconditionFailed));
    assert_right(read(Condition::is_not(etag(1)), Output::NotModified));
    assert_right(read(Condition::is_not(etag(2)), found(1)));
    assert_wrong(1, read(Condition::is_not(etag(2)), Output::NotModified));
    let other_mark = match found(1) {
        Output::Found { etag, size, bytes, .. } => Output::Found { etag, size, mark: None, bytes },
        other => other,
    };
    assert_wrong(1, read(Condition::default(), other_mark));
    let row = Output::Row { etag: etag(1), size };
    let head = Output::Head { etag: etag(1), size, mark: Some(1) };
    assert_right(vec![
        (0, 1, put(1), Some(stored(1))),
        (2, 3, Input::Listed, Some(row)),
        (4, 5, Input::Head, Some(head)),
    ]);
    assert_wrong(1, vec![(0, 1, put(1), Some(stored(1))), (2, 3, Input::Listed, Some(Output::Absent))]);
}

const MIB: u64 = 1024 * 1024;

#[test]
fn uploads_end_once() {
    let upload = || "0123456789".to_owned();
    let part = |number: u16, seed: u64, length: u64| {
        let piece = Piece::new(seed, length);
        let etag = piece.etag();
        (
            Input::UploadPart { upload: upload(), number, piece },
            Some(Output::Part { etag: etag.clone() }),
            (number, etag),
        )
    };
    let complete = |parts: &[&(u16, String)], condition| Input::Complete {
        upload: upload(),
        parts: parts.iter().map(|part| (*part).clone()).collect(),
        condition,
        is_repeated: false,
    };
    let any = Condition::default;
    let stored = |pieces: &[(u64, u64)]| {
        let pieces = pieces.iter().map(|(seed, length)| Piece::new(*seed, *length)).collect();
        Some(Output::Stored { etag: Content::of_parts(pieces).etag().to_owned() })
    };
    let (first, first_done, one) = part(1, 1, 5 * MIB);
    let (second, second_done, two) = part(2, 2, 10);
    let (other, other_done, other_two) = part(2, 3, 20);
    let begun = vec![
        (0, 1, Input::CreateUpload { mark: Some(1) }, Some(Output::Created { upload: upload() })),
        (2, 9, first.clone(), first_done.clone()),
        (2, 9, second.clone(), second_done.clone()),
    ];
    let then = |more: Vec<(u64, u64, Input, Option<Output>)>| [begun.clone(), more].concat();
    let both = || stored(&[(1, 5 * MIB), (2, 10)]);
    let listed = Output::Parts(vec![(1, one.1.clone(), 5 * MIB), (2, two.1.clone(), 10)]);
    let list = Input::ListParts { upload: upload() };
    assert_right(then(vec![
        (10, 11, list.clone(), Some(listed.clone())),
        (12, 13, complete(&[&two, &one], any()), both()),
        (14, 15, complete(&[&one, &two], any()), Some(Output::NoSuchUpload)),
        (14, 15, list.clone(), Some(Output::NoSuchUpload)),
        (14, 15, Input::Abort { upload: upload() }, Some(Output::Done)),
        (14, 15, first.clone(), Some(Output::NoSuchUpload)),
    ]));
    // Twice with the same parts, twice with others, and with a part that was replaced.
    assert_wrong(
        4,
        then(vec![
            (12, 13, complete(&[&one, &two], any()), both()),
            (14, 15, complete(&[&one, &two], any()), both()),
        ]),
    );
    assert_wrong(
        4,
        then(vec![
            (12, 13, complete(&[&one, &two], any()), both()),
            (14, 15, complete(&[&one], any()), stored(&[(1, 5 * MIB)])),
        ]),
    );
    // If it is sent again, the answer may be the object that another client made of the same parts, as long
    // as it exists.
    for is_deleted in [false, true] {
        let mut more = vec![(12, 13, complete(&[&one, &two], any()), both())];
        more.extend(is_deleted.then(|| (14, 15, Input::delete(), Some(Output::Done))));
        more.push((16, 17, complete(&[&one, &two], any()), both()));
        let last = begun.len() + more.len() - 1;
        let history = history(then(more));
        history.sent_again(OperationId(last));
        assert_eq!(history.check().violations.is_empty(), !is_deleted);
    }
    assert_right(then(vec![
        (12, 13, other.clone(), other_done.clone()),
        (14, 15, complete(&[&one, &two], any()), Some(Output::InvalidPart)),
        (16, 17, complete(&[&one, &other_two], any()), stored(&[(1, 5 * MIB), (3, 20)])),
    ]));
    // While a part is replaced, the upload may be completed with either version.
    for (named, made) in [(&two, both()), (&other_two, stored(&[(1, 5 * MIB), (3, 20)]))] {
        let late = vec![(12, 13, other.clone(), None), (14, 15, complete(&[&one, named], any()), made)];
        assert_right(then(late));
    }
    assert_wrong(
        3,
        then(vec![(14, 15, complete(&[&one, &other_two], any()), stored(&[(1, 5 * MIB), (3, 20)]))]),
    );
    // R2's rules for parts.
    assert_right(then(vec![
        (10, 11, complete(&[], any()), Some(Output::InvalidPart)),
        (10, 11, complete(&[&one, &one], any()), Some(Output::InvalidPart)),
        (12, 13, part(3, 3, 5 * MIB).0, part(3, 3, 5 * MIB).1),
        (14, 15, complete(&[&two, &part(3, 3, 5 * MIB).2], any()), Some(Output::EntityTooSmall)),
        (16, 17, part(4, 4, 5 * MIB + 1).0, part(4, 4, 5 * MIB + 1).1),
        (18, 19, complete(&[&one, &part(4, 4, 5 * MIB + 1).2], any()), Some(Output::InvalidPart)),
        (20, 21, complete(&[&one, &two], Condition::is(etag(1))), Some(Output::PreconditionFailed)),
        (22, 23, complete(&[&one, &two], any()), Some(Output::NoSuchUpload)),
    ]));
    assert_right(then(vec![
        (10, 11, Input::Abort { upload: upload() }, None),
        (12, 13, list.clone(), Some(listed.clone())),
        (14, 15, list.clone(), Some(Output::NoSuchUpload)),
    ]));
    assert_wrong(
        4,
        then(vec![
            (10, 11, Input::Abort { upload: upload() }, Some(Output::Done)),
            (12, 13, list, Some(listed)),
        ]),
    );
}

#[test]
fn copies_read_their_source_and_write_their_key() {
    let check = |copied: Option<Output>, read: Output| {
        let history = R2History::new();
        history.record((0, 1), 0, "source", put(1), stored(1));
        history.record((2, 3), 0, "source", put(2), stored(2));
        let copy = history.invoke(4, 1, "key", Input::copy("source", None, Condition::default()));
        match copied {
            Some(output) => history.answer(copy, 5, output),
            None => history.gave_up(copy, 5),
        }
        history.record((6, 7), 0, "key", Input::get(), read);
        let keys: Vec<_> = history.check().violations.into_iter().map(|violation| violation.key).collect();
        keys
    };
    assert_eq!(check(Some(stored(2)), found(2)), [""; 0]);
    assert_eq!(check(None, found(2)), [""; 0]);
    assert_eq!(check(None, Output::Absent), [""; 0]);
    assert_eq!(check(Some(stored(1)), found(1)), ["source"]);
    assert_eq!(check(Some(stored(2)), found(1)), ["key"]);
    assert_eq!(check(Some(Output::Absent), Output::Absent), ["source"]);
    assert_eq!(check(None, found(3)), ["key"]);
}

fn pair(seed: u64) -> Pair {
    Pair::new(&seed.to_le_bytes(), None)
}

fn value(seed: u64) -> kv::Output {
    kv::Output::Value(pair(seed).value)
}

type KvOperation = (u64, u64, kv::Input, Option<kv::Output>);

/// Times are in seconds.
fn check_kv(rules: Rules, operations: Vec<KvOperation>) -> Option<usize> {
    let history = KvHistory::new();
    for (client, (invoked, returned, input, output)) in operations.into_iter().enumerate() {
        let id = history.invoke(invoked * SECOND, client, "key", input);
        match output {
            Some(output) => history.answer(id, returned * SECOND, output),
            None => history.gave_up(id, returned * SECOND),
        }
    }
    let checked = history.check(rules);
    assert!(checked.undecided.is_empty());
    checked.violations.first().map(|violation| {
        assert!(violation.to_string().contains("client"), "{violation}");
        violation.reason.index
    })
}

#[test]
fn kv_is_stale_for_a_minute_at_most() {
    let put = |seed| kv::Input::put(pair(seed));
    let done = Some(kv::Output::Done);
    let read = |at, output| {
        let operations = vec![
            (10, 11, put(1), done.clone()),
            (20, 21, put(2), done.clone()),
            (at, at + 1, kv::Input::Get, Some(output)),
        ];
        [Rules::EVENTUAL, Rules::IMMEDIATE].map(|rules| check_kv(rules, operations.clone()))
    };
    assert_eq!(read(5, kv::Output::Missing), [None, None]);
    assert_eq!(read(5, value(1)), [Some(2), Some(2)]);
    assert_eq!(read(15, value(1)), [None, None]);
    assert_eq!(read(80, value(1)), [None, Some(2)]);
    assert_eq!(read(82, value(1)), [Some(2), Some(2)]);
    assert_eq!(read(70, kv::Output::Missing), [None, Some(2)]);
    assert_eq!(read(72, kv::Output::Missing), [Some(2), Some(2)]);
    assert_eq!(read(500, value(2)), [None, None]);
    assert_eq!(read(30, value(3)), [Some(2), Some(2)]);
    assert_eq!(read(20, value(2)), [None, None]);
    // A write without an answer may have taken effect.
    let lost = |output| {
        let operations = vec![
            (10, 11, put(1), done.clone()),
            (20, 21, kv::Input::Delete, None),
            (500, 501, kv::Input::Get, Some(output)),
        ];
        [Rules::EVENTUAL, Rules::IMMEDIATE].map(|rules| check_kv(rules, operations.clone()))
    };
    assert_eq!(lost(value(1)), [None, None]);
    assert_eq!(lost(kv::Output::Missing), [None, None]);
    assert_eq!(lost(value(2)), [Some(2), Some(2)]);
}

#[test]
fn kv_keys_expire() {
    let done = Some(kv::Output::Done);
    for (expiration, answer) in [
        (Expiration::At(170 * SECOND), done.clone()),
        (Expiration::After(60 * SECOND), done.clone()),
        (Expiration::At(170 * SECOND), None),
    ] {
        let put = kv::Input::Put { pair: pair(2), expiration: Some(expiration) };
        let read = |at, output| {
            let operations = vec![
                (10, 11, kv::Input::put(pair(1)), done.clone()),
                (110, 111, put.clone(), answer.clone()),
                (at, at, kv::Input::Get, Some(output)),
            ];
            [Rules::EVENTUAL, Rules::IMMEDIATE].map(|rules| check_kv(rules, operations.clone()))
        };
        assert_eq!(read(160, value(2)), [None, None]);
        assert_eq!(read(170, value(2)), [None, None]);
        assert_eq!(read(173, value(2)), [Some(2), Some(2)]);
        assert_eq!(read(173, kv::Output::Missing), [None, None], "{expiration:?}");
        assert_eq!(read(160, kv::Output::Missing), [Some(2), Some(2)]);
    }
}

#[test]
fn kv_shows_metadata_and_rows() {
    let written = Pair::new(b"value", Some("{}"));
    let read = |output| {
        let operations = vec![
            (10, 11, kv::Input::put(written.clone()), Some(kv::Output::Done)),
            (100, 101, kv::Input::Listed, Some(output)),
        ];
        let found = [Rules::EVENTUAL, Rules::IMMEDIATE].map(|rules| check_kv(rules, operations.clone()));
        assert_eq!(found[0], found[1]);
        found[0].is_none()
    };
    assert!(read(kv::Output::Row(Some("{}".to_owned()))));
    assert!(!read(kv::Output::Row(None)));
    assert!(!read(kv::Output::Missing));
    assert!(read(kv::Output::Pair(written.clone())));
    assert!(!read(kv::Output::Pair(Pair { metadata: None, ..written.clone() })));
}

/// A client's next operation, the time at which it is executed, and the fate of its answer.
struct Planned<I> {
    id: OperationId,
    client: usize,
    input: I,
    /// Whether the client receives the answer.
    is_answered: bool,
}

/// Random operations of `clients` on one key. `perform` executes them one after the other at random times.
/// Some answers are lost; some of these operations are sent again, and some of the first requests arrive
/// late.
fn simulate<I: Clone + std::fmt::Debug, O: Clone + std::fmt::Debug>(
    rng: &mut Rng,
    (clients, operations): (usize, usize),
    lost: f64,
    mut next: impl FnMut(&mut Rng, &[O]) -> I,
    mut perform: impl FnMut(u64, &I) -> O,
) -> History<I, O> {
    enum Event<I> {
        Begin(usize),
        Perform(Planned<I>),
        GiveUp(OperationId, usize),
        Answer(OperationId, usize, usize),
    }
    let history = History::new();
    let mut known: Vec<O> = Vec::new();
    let mut events: BTreeMap<(u64, usize), Event<I>> = BTreeMap::new();
    let mut sequence = 0;
    let mut plan = |events: &mut BTreeMap<_, _>, at: u64, event| {
        sequence += 1;
        events.insert((at, sequence), event);
    };
    for client in 0..clients {
        plan(&mut events, rng.u64(..MILLISECOND), Event::Begin(client));
    }
    let (mut begun, mut outputs) = (0, Vec::new());
    while let Some(((now, _), event)) = events.pop_first() {
        let delay = |rng: &mut Rng| now + rng.u64(..10) * MILLISECOND;
        match event {
            Event::Begin(_) if begun == operations => {}
            Event::Begin(client) => {
                begun += 1;
                let input = next(rng, &known);
                let id = history.invoke(now, client, "key", input.clone());
                let is_lost = rng.f64() < lost;
                let planned = |is_answered| Planned { id, client, input: input.clone(), is_answered };
                if is_lost {
                    // It arrives, late or not, or never.
                    if rng.bool() {
                        let late = delay(rng) + if rng.bool() { rng.u64(..200 * MILLISECOND) } else { 0 };
                        plan(&mut events, late, Event::Perform(planned(false)));
                    }
                    if rng.bool() {
                        history.sent_again(id);
                        plan(&mut events, delay(rng) + 5 * MILLISECOND, Event::Perform(planned(true)));
                    } else {
                        plan(&mut events, delay(rng), Event::GiveUp(id, client));
                    }
                } else {
                    plan(&mut events, delay(rng), Event::Perform(planned(true)));
                }
            }
            Event::Perform(Planned { id, client, input, is_answered }) => {
                let output = perform(now, &input);
                if is_answered {
                    outputs.push(output);
                    plan(&mut events, delay(rng), Event::Answer(id, client, outputs.len() - 1));
                }
            }
            Event::GiveUp(id, client) => {
                history.gave_up(id, now);
                plan(&mut events, delay(rng), Event::Begin(client));
            }
            Event::Answer(id, client, output) => {
                history.answer(id, now, outputs[output].clone());
                known.push(outputs[output].clone());
                plan(&mut events, delay(rng), Event::Begin(client));
            }
        }
    }
    history
}

/// Random operations on one key of a bucket.
fn random_r2(rng: &mut Rng, size: (usize, usize), lost: f64) -> R2History {
    let mut contents = 0;
    let mut parts: Vec<(String, u16, String)> = Vec::new();
    let next = |rng: &mut Rng, known: &[Output]| {
        let etag_of = |output: &Output| match output {
            Output::Stored { etag } | Output::Found { etag, .. } => Some(etag.clone()),
            _ => None,
        };
        let upload_of = |output: &Output| match output {
            Output::Created { upload } => Some(upload.clone()),
            _ => None,
        };
        let etag = known.iter().rev().find_map(etag_of);
        let upload = known.iter().rev().find_map(upload_of);
        let mut new = || {
            contents += 1;
            Object::new(Content::new(contents, contents % 100), contents)
        };
        let condition = match (rng.u8(..4), etag) {
            (0, _) => Condition::absent(),
            (1, Some(etag)) => Condition::is(etag),
            (2, Some(etag)) => Condition::is_not(etag),
            _ => Condition::default(),
        };
        match (rng.u8(..14), upload) {
            (0..=2, _) => Input::Put { object: new(), condition },
            (3, _) => Input::Delete { condition },
            (4, _) => Input::delete(),
            (5, _) => Input::Head,
            (6, _) => Input::Listed,
            (7, _) => Input::Get { condition, range: Some(Range::Slice { offset: 3, length: 40 }) },
            (8 | 9, None) => Input::CreateUpload { mark: None },
            (8, Some(upload)) => {
                contents += 1;
                let piece = Piece::new(contents, contents % 50);
                let number = rng.u16(1..3);
                parts.push((upload.clone(), number, piece.etag()));
                Input::UploadPart { upload, number, piece }
            }
            (9, Some(upload)) => {
                let of_it = parts.iter().filter(|part| part.0 == upload);
                let parts = of_it.map(|(_, number, etag)| (*number, etag.clone())).next_back();
                Input::Complete { upload, parts: parts.into_iter().collect(), condition, is_repeated: false }
            }
            (10, Some(upload)) => Input::ListParts { upload },
            (11, Some(upload)) if rng.bool() => Input::Abort { upload },
            (11, _) => Input::CreateUpload { mark: Some(7) },
            _ => Input::get(),
        }
    };
    let (mut state, mut uploads) = (r2::State::default(), 0);
    let perform = |_, input: &Input| {
        uploads += 1;
        let (output, left) = r2::perform(&state, input, &format!("{uploads:08x}"));
        state = left;
        output
    };
    simulate(rng, size, lost, next, perform)
}

/// Random operations on one key of a namespace without staleness.
fn random_kv(rng: &mut Rng, size: (usize, usize), lost: f64) -> KvHistory {
    let mut values = 0;
    let next = |rng: &mut Rng, _: &[kv::Output]| match rng.u8(..8) {
        0..=2 => {
            values += 1;
            let expiration = (rng.u8(..4) == 0).then_some(Expiration::After(300 * MILLISECOND));
            kv::Input::Put { pair: pair(values), expiration }
        }
        3 => kv::Input::Delete,
        4 => kv::Input::Listed,
        _ => kv::Input::Get,
    };
    let mut stored: Option<(Pair, u64)> = None;
    let perform = |now: u64, input: &kv::Input| {
        stored = stored.take().filter(|(_, until)| *until > now);
        match input {
            kv::Input::Put { pair, expiration } => {
                let until = match expiration {
                    Some(Expiration::After(after)) => now + after,
                    _ => u64::MAX,
                };
                stored = Some((pair.clone(), until));
                kv::Output::Done
            }
            kv::Input::Delete => {
                stored = None;
                kv::Output::Done
            }
            kv::Input::Get => {
                stored.as_ref().map_or(kv::Output::Missing, |(pair, _)| kv::Output::Value(pair.value))
            }
            kv::Input::Listed => stored
                .as_ref()
                .map_or(kv::Output::Missing, |(pair, _)| kv::Output::Row(pair.metadata.clone())),
        }
    };
    simulate(rng, size, lost, next, perform)
}

const EXACT: Rules = Rules { expiry_tolerance: 0, ..Rules::IMMEDIATE };

fn assert_no_violation(seed: u64, checked: &Checked) {
    if let Some(violation) = checked.violations.first() {
        panic!("seed {seed}: {violation}");
    }
    assert_eq!(checked.undecided, [""; 0], "seed {seed}");
}

#[test]
fn right_histories_are_right() {
    for seed in 0..60 {
        let mut rng = Rng::with_seed(seed);
        let lost = [0.0, 0.2, 0.6][usize::try_from(seed).unwrap() % 3];
        assert_no_violation(seed, &random_r2(&mut rng, (6, 60), lost).check());
        let kv = random_kv(&mut rng, (6, 60), lost);
        assert_no_violation(seed, &kv.check(EXACT));
        assert_no_violation(seed, &kv.check(Rules { staleness: 50 * MILLISECOND, ..EXACT }));
    }
}

/// Swaps the answers of two reads that differ. Returns whether there are such reads.
fn mutate<I: Clone, O: Clone>(
    rng: &mut Rng,
    history: &History<I, O>,
    is_read: impl Fn(&I, &O) -> bool,
    differ: impl Fn(&O, &O) -> bool,
) -> bool {
    let mut operations = history.operations.lock().unwrap();
    let reads: Vec<usize> = (0..operations.len())
        .filter(|at| {
            operations[*at]
                .operation
                .answer()
                .is_some_and(|(output, _)| is_read(&operations[*at].operation.input, output))
        })
        .collect();
    let output = |at: usize| operations[at].operation.output.clone().unwrap();
    let pairs = reads.iter().flat_map(|a| reads.iter().map(move |b| (*a, *b)));
    let pairs: Vec<_> = pairs.filter(|(a, b)| differ(&output(*a), &output(*b))).collect();
    let Some((to, from)) = rng.choice(pairs) else { return false };
    let other = output(from);
    operations[to].operation.output = Some(other);
    true
}

#[test]
fn wrong_answers_are_mostly_found() {
    let (mut mutated, mut found) = (BTreeSet::new(), BTreeSet::new());
    for seed in 0..60 {
        let mut rng = Rng::with_seed(seed);
        let r2 = random_r2(&mut rng, (4, 60), 0.1);
        let is_read = |input: &Input, _: &Output| matches!(input, Input::Get { range: None, condition } if *condition == Condition::default());
        if mutate(&mut rng, &r2, is_read, |a, b| a != b) {
            mutated.insert((seed, "R2"));
            if !r2.check().violations.is_empty() {
                found.insert((seed, "R2"));
            }
        }
        let kv = random_kv(&mut rng, (4, 60), 0.1);
        if mutate(&mut rng, &kv, |input: &kv::Input, _| *input == kv::Input::Get, |a, b| a != b) {
            mutated.insert((seed, "KV"));
            if !kv.check(EXACT).violations.is_empty() {
                found.insert((seed, "KV"));
            }
        }
    }
    for service in ["R2", "KV"] {
        let count = |set: &BTreeSet<(u64, &str)>| set.iter().filter(|(_, of)| *of == service).count();
        assert!(count(&mutated) > 50, "{service}: {}", count(&mutated));
        assert!(
            count(&found) * 10 > count(&mutated) * 7,
            "{service}: {} of {}",
            count(&found),
            count(&mutated)
        );
    }
}

/// Whether a valid order exists, found by trying all.
fn has_order(operations: &[Operation<Input, Output>]) -> bool {
    fn try_all(calls: &[(&Operation<Input, Output>, bool)], placed: u32, state: &r2::State) -> bool {
        let left = || (0..calls.len()).filter(|at| placed & 1 << at == 0);
        // An operation comes before all operations that start after its answer.
        let answers = left().filter(|at| calls[*at].1).filter_map(|at| calls[at].0.returned);
        let Some(first) = answers.min() else { return true };
        left().filter(|at| calls[*at].0.invoked <= first).any(|at| {
            let (operation, is_answered) = calls[at];
            let output = operation.output.as_ref().filter(|_| is_answered);
            let states = r2::R2.step(state, &operation.input, output);
            states.iter().any(|state| try_all(calls, placed | 1 << at, state))
        })
    }
    let calls = operations.iter().flat_map(|operation| {
        let is_answered = operation.answer().is_some();
        let copies = (0..operation.copies()).map(move |_| (operation, false));
        copies.chain([(operation, is_answered)])
    });
    try_all(&calls.collect::<Vec<_>>(), 0, &r2::State::default())
}

#[test]
fn the_search_finds_what_trying_all_orders_finds() {
    let mut right = 0;
    let seeds = 120;
    for seed in 0..seeds {
        let mut rng = Rng::with_seed(seed);
        let history = random_r2(&mut rng, (3, 7), 0.4);
        if seed % 2 == 1 {
            mutate(
                &mut rng,
                &history,
                |input, _| !matches!(input, Input::CreateUpload { .. }),
                |a, b| a != b,
            );
        }
        let operations: Vec<_> = history.locked().iter().map(|recorded| recorded.operation.clone()).collect();
        let checked = history.check();
        assert!(checked.undecided.is_empty());
        assert_eq!(
            checked.violations.is_empty(),
            has_order(&operations),
            "seed {seed}: {:?}",
            checked.violations
        );
        right += usize::from(checked.violations.is_empty());
    }
    assert!(right > 60 && right < 110, "{right} of {seeds}");
}

#[test]
fn long_histories_with_many_lost_answers_are_decided() {
    for (seed, lost) in [(0, 0.1), (1, 0.3), (2, 0.6), (3, 0.9)] {
        let mut rng = Rng::with_seed(seed);
        let checked = random_r2(&mut rng, (6, 200), lost).check();
        assert_no_violation(seed, &checked);
        assert_no_violation(seed, &random_kv(&mut rng, (6, 200), lost).check(EXACT));
    }
}
