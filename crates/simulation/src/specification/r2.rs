//! What R2 guarantees for one key of a bucket.
//!
//! The documentation of the rules:
//! - Reads see every write that was answered before, and so do listings: [consistency].
//! - A condition is checked atomically with the write: [extensions]. What it compares: [conditions].
//! - A range is cut off at the object's end: [ranges].
//! - All parts but the last have the same size, and their own etags determine the object's: [multipart].
//!
//! [consistency]: https://developers.cloudflare.com/r2/reference/consistency/
//! [extensions]: https://developers.cloudflare.com/r2/api/s3/extensions/
//! [conditions]: https://developers.cloudflare.com/r2/api/workers/workers-api-reference/#conditional-operations
//! [ranges]: https://developers.cloudflare.com/r2/api/workers/workers-api-reference/#ranged-reads
//! [multipart]: https://developers.cloudflare.com/r2/objects/multipart-objects/
//!
//! The emulator's `docs/fidelity.md` describes what R2 does without documenting it, for example that a failed
//! condition ends an upload. One rule is stricter than R2's: a part whose replacement fails stays.
//!
//! Not covered: times (`uploaded_before`, `uploaded_after`), lifecycle rules and the limit of one write per
//! second.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::content::{Content, Digest, Piece, short};
use crate::linearizability::{Operation, Specification};

/// Minimum size of all parts but the last, in bytes.
const MIN_PART_SIZE: u64 = 5 * 1024 * 1024;

/// The object under a key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Object {
    pub(crate) content: Content,
    /// Its custom metadata, represented by a number.
    pub(crate) mark: Option<u64>,
}

impl Object {
    pub(crate) fn new(content: Content, mark: impl Into<Option<u64>>) -> Self {
        Self { content, mark: mark.into() }
    }

    /// Returns a copy of it, with another mark if there is one.
    pub(crate) fn copied(&self, mark: Option<u64>) -> Self {
        Self { content: self.content.clone(), mark: mark.or(self.mark) }
    }

    /// Stands for every object that no answer distinguishes from others of its kind.
    pub(crate) fn unseen() -> Self {
        Self::new(Content::unseen(), None)
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.content)?;
        self.mark.map_or(Ok(()), |mark| write!(f, " with mark {mark}"))
    }
}

/// The etags of a condition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Etags {
    /// `*`
    Any,
    OneOf(Vec<String>),
}

impl Etags {
    fn contain(&self, etag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(etags) => etags.iter().any(|known| known == etag),
        }
    }
}

/// The condition of a request.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Condition {
    /// `If-Match`
    pub(crate) matches: Option<Etags>,
    /// `If-None-Match`
    pub(crate) differs: Option<Etags>,
}

/// Why a condition fails.
enum Refusal {
    DoesNotMatch,
    DoesNotDiffer,
}

impl Condition {
    /// Requires that there is no object.
    pub(crate) fn absent() -> Self {
        Self { differs: Some(Etags::Any), ..Self::default() }
    }

    /// Requires that there is an object with this etag.
    pub(crate) fn is(etag: impl Into<String>) -> Self {
        Self { matches: Some(Etags::OneOf(vec![etag.into()])), ..Self::default() }
    }

    /// Requires that there is no object with this etag.
    pub(crate) fn is_not(etag: impl Into<String>) -> Self {
        Self { differs: Some(Etags::OneOf(vec![etag.into()])), ..Self::default() }
    }

    fn check(&self, existing: Option<&Object>) -> Result<(), Refusal> {
        let contains = |etags: &Etags| existing.is_some_and(|object| etags.contain(object.content.etag()));
        if self.matches.as_ref().is_some_and(|etags| !contains(etags)) {
            return Err(Refusal::DoesNotMatch);
        }
        if self.differs.as_ref().is_some_and(contains) {
            return Err(Refusal::DoesNotDiffer);
        }
        Ok(())
    }

    /// Returns the etags that it names.
    fn etags(&self) -> impl Iterator<Item = &str> {
        let lists = [&self.matches, &self.differs].into_iter().flatten();
        lists
            .flat_map(|etags| match etags {
                Etags::Any => &[][..],
                Etags::OneOf(etags) => etags,
            })
            .map(String::as_str)
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let etags = |etags: &Etags| match etags {
            Etags::Any => "*".to_owned(),
            Etags::OneOf(etags) => etags.iter().map(|etag| short(etag)).collect::<Vec<_>>().join(" "),
        };
        if let Some(matching) = &self.matches {
            write!(f, " if it is {}", etags(matching))?;
        }
        if let Some(differing) = &self.differs {
            write!(f, " if it is not {}", etags(differing))?;
        }
        Ok(())
    }
}

/// The range of bytes to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Range {
    From { offset: u64 },
    Slice { offset: u64, length: u64 },
    Suffix { length: u64 },
}

impl Range {
    /// Returns offset and length in an object of `size` bytes, if the range contains any bytes.
    fn resolve(self, size: u64) -> Option<(u64, u64)> {
        let (offset, length) = match self {
            Self::From { offset } => (offset, u64::MAX),
            Self::Slice { offset, length } => (offset, length),
            Self::Suffix { length } => (size.saturating_sub(length), length),
        };
        (offset < size && length > 0).then(|| (offset, length.min(size - offset)))
    }
}

/// A request to R2.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Input {
    Put {
        object: Object,
        condition: Condition,
    },
    Get {
        condition: Condition,
        range: Option<Range>,
    },
    Head,
    /// A page of a listing contains the key, or skips it.
    Listed,
    /// The key is the source of a copy.
    CopiedFrom,
    Delete {
        condition: Condition,
    },
    /// A copy to this key, with another mark if there is one. `candidates` are the possible objects at the
    /// source; the history fills them in.
    Copy {
        source: String,
        candidates: Vec<Object>,
        mark: Option<u64>,
        condition: Condition,
    },
    CreateUpload {
        mark: Option<u64>,
    },
    UploadPart {
        upload: String,
        number: u16,
        piece: Piece,
    },
    /// The parts have numbers and etags.
    Complete {
        upload: String,
        parts: Vec<(u16, String)>,
        condition: Condition,
        /// Whether the client has sent it more than once.
        is_repeated: bool,
    },
    Abort {
        upload: String,
    },
    ListParts {
        upload: String,
    },
}

impl Input {
    #[cfg(test)]
    pub(crate) fn put(object: Object) -> Self {
        Self::Put { object, condition: Condition::default() }
    }

    pub(crate) fn get() -> Self {
        Self::Get { condition: Condition::default(), range: None }
    }

    pub(crate) fn delete() -> Self {
        Self::Delete { condition: Condition::default() }
    }

    /// Creates a copy to this key from `source`.
    pub(crate) fn copy(source: impl Into<String>, mark: Option<u64>, condition: Condition) -> Self {
        Self::Copy { source: source.into(), candidates: Vec::new(), mark, condition }
    }

    fn condition(&self) -> Option<&Condition> {
        match self {
            Self::Put { condition, .. }
            | Self::Get { condition, .. }
            | Self::Delete { condition }
            | Self::Copy { condition, .. }
            | Self::Complete { condition, .. } => Some(condition),
            _ => None,
        }
    }

    /// Returns the upload that it refers to.
    fn upload(&self) -> Option<&str> {
        match self {
            Self::UploadPart { upload, .. }
            | Self::Complete { upload, .. }
            | Self::Abort { upload }
            | Self::ListParts { upload } => Some(upload),
            _ => None,
        }
    }

    /// Whether it refers to the object.
    fn is_of_object(&self) -> bool {
        match self {
            Self::Put { .. }
            | Self::Get { .. }
            | Self::Head
            | Self::Listed
            | Self::CopiedFrom
            | Self::Delete { .. }
            | Self::Copy { .. }
            | Self::Complete { .. } => true,
            Self::CreateUpload { .. }
            | Self::UploadPart { .. }
            | Self::Abort { .. }
            | Self::ListParts { .. } => false,
        }
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = |upload: &str| short(upload);
        match self {
            Self::Put { object, condition } => write!(f, "put {object:?}{condition:?}"),
            Self::Get { condition, range: None } => write!(f, "get{condition:?}"),
            Self::Get { condition, range: Some(range) } => write!(f, "get {range:?}{condition:?}"),
            Self::Head => write!(f, "head"),
            Self::Listed => write!(f, "list"),
            Self::CopiedFrom => write!(f, "copy elsewhere"),
            Self::Delete { condition } => write!(f, "delete{condition:?}"),
            Self::Copy { source, mark: None, condition, .. } => write!(f, "copy {source:?}{condition:?}"),
            Self::Copy { source, mark: Some(mark), condition, .. } => {
                write!(f, "copy {source:?} with mark {mark}{condition:?}")
            }
            Self::CreateUpload { mark: None } => write!(f, "begin an upload"),
            Self::CreateUpload { mark: Some(mark) } => write!(f, "begin an upload with mark {mark}"),
            Self::UploadPart { upload, number, piece } => {
                write!(f, "part {number} of {}: {piece:?}", id(upload))
            }
            Self::Complete { upload, parts, condition, .. } => {
                write!(f, "complete {} of", id(upload))?;
                for (number, etag) in parts {
                    write!(f, " {number}: {}", short(etag))?;
                }
                write!(f, "{condition:?}")
            }
            Self::Abort { upload } => write!(f, "abort {}", id(upload)),
            Self::ListParts { upload } => write!(f, "list the parts of {}", id(upload)),
        }
    }
}

/// An answer of R2.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Output {
    /// The answer to a put, copy or completed upload.
    Stored {
        etag: String,
    },
    /// The answer to a get.
    Found {
        etag: String,
        size: u64,
        mark: Option<u64>,
        bytes: Digest,
    },
    /// The answer to a head.
    Head {
        etag: String,
        size: u64,
        mark: Option<u64>,
    },
    /// The key's row in a listing.
    Row {
        etag: String,
        size: u64,
    },
    /// The object at the source of a copy.
    Source {
        etag: String,
    },
    Absent,
    NotModified,
    PreconditionFailed,
    RangeNotSatisfiable,
    /// The answer to a delete or an abort.
    Done,
    Created {
        upload: String,
    },
    Part {
        etag: String,
    },
    /// Numbers, etags and sizes.
    Parts(Vec<(u16, String, u64)>),
    NoSuchUpload,
    InvalidPart,
    EntityTooSmall,
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let object = |f: &mut fmt::Formatter<'_>, etag: &str, size: u64, mark: Option<u64>| {
            write!(f, "{} ({size} bytes)", short(etag))?;
            mark.map_or(Ok(()), |mark| write!(f, " with mark {mark}"))
        };
        match self {
            Self::Stored { etag } => write!(f, "stored {}", short(etag)),
            Self::Found { etag, size, mark, bytes } => {
                object(f, etag, *size, *mark)?;
                write!(f, ", the bytes {bytes:?}")
            }
            Self::Head { etag, size, mark } => object(f, etag, *size, *mark),
            Self::Row { etag, size } => {
                write!(f, "a row of ")?;
                object(f, etag, *size, None)
            }
            Self::Source { etag } => write!(f, "copied {}", short(etag)),
            Self::Absent => write!(f, "absent"),
            Self::NotModified => write!(f, "not modified"),
            Self::PreconditionFailed => write!(f, "precondition failed"),
            Self::RangeNotSatisfiable => write!(f, "range not satisfiable"),
            Self::Done => write!(f, "done"),
            Self::Created { upload } => write!(f, "created {}", short(upload)),
            Self::Part { etag } => write!(f, "part {}", short(etag)),
            Self::Parts(parts) => {
                write!(f, "the parts")?;
                parts.iter().try_for_each(|(number, etag, size)| {
                    write!(f, " {number}: {} ({size} bytes)", short(etag))
                })
            }
            Self::NoSuchUpload => write!(f, "no such upload"),
            Self::InvalidPart => write!(f, "invalid part"),
            Self::EntityTooSmall => write!(f, "entity too small"),
        }
    }
}

/// An unfinished upload.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
struct Upload {
    mark: Option<u64>,
    parts: BTreeMap<u16, Piece>,
}

/// The state of a key.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct State {
    object: Option<Object>,
    uploads: BTreeMap<String, Upload>,
    /// The uploads that were completed or aborted.
    ended: BTreeSet<String>,
}

impl State {
    fn with(&self, object: Option<Object>) -> Self {
        Self { object, ..self.clone() }
    }

    fn without_upload(&self, upload: &str) -> Self {
        let mut state = self.clone();
        if state.uploads.remove(upload).is_some() {
            state.ended.insert(upload.to_owned());
        }
        state
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.object {
            Some(object) => write!(f, "{object:?}")?,
            None => write!(f, "absent")?,
        }
        for (id, upload) in &self.uploads {
            write!(f, ", upload {} of {:?}", short(id), upload.parts)?;
        }
        Ok(())
    }
}

/// A possible result of an operation: its answer, and the new state. `None` leaves the state unchanged.
type Outcome = (Output, Option<State>);

/// R2, for one key.
pub(crate) struct R2;

impl Specification for R2 {
    type State = State;
    type Input = Input;
    type Output = Output;

    fn initial(&self) -> State {
        State::default()
    }

    fn step(&self, state: &State, input: &Input, output: Option<&Output>) -> Vec<State> {
        let mut states = Vec::new();
        for (answer, left) in outcomes(state, input, output) {
            let left = left.unwrap_or_else(|| state.clone());
            if output.is_none_or(|output| *output == answer) && !states.contains(&left) {
                states.push(left);
            }
        }
        states
    }

    fn is_read(&self, input: &Input, output: Option<&Output>) -> bool {
        match input {
            Input::Get { .. } | Input::Head | Input::Listed | Input::CopiedFrom | Input::ListParts { .. } => {
                true
            }
            // Nobody knows the upload's id.
            Input::CreateUpload { .. } if output.is_none() => true,
            // The upload has ended.
            Input::Complete { .. } if output == Some(&Output::PreconditionFailed) => false,
            _ => matches!(
                output,
                Some(
                    Output::PreconditionFailed
                        | Output::Absent
                        | Output::NoSuchUpload
                        | Output::InvalidPart
                        | Output::EntityTooSmall
                )
            ),
        }
    }

    fn depend(&self, a: &Input, b: &Input) -> bool {
        let is_of_any_upload = |input: &Input| matches!(input, Input::CreateUpload { .. });
        let of_upload = match (a.upload(), b.upload()) {
            (Some(a), Some(b)) => a == b,
            (Some(_), None) => is_of_any_upload(b),
            (None, Some(_)) => is_of_any_upload(a),
            (None, None) => false,
        };
        of_upload || a.is_of_object() && b.is_of_object()
    }
}

/// Returns all possible results of an operation. `answered` contains what only R2 knows: the id of an upload.
fn outcomes(state: &State, input: &Input, answered: Option<&Output>) -> Vec<Outcome> {
    let existing = state.object.as_ref();
    match input {
        Input::Put { object, condition } => vec![store(state, object, condition)],
        Input::Get { condition, range } => vec![(get(existing, condition, *range, answered), None)],
        Input::Head => {
            let found = |Object { content, mark }: &Object| Output::Head {
                etag: content.etag().to_owned(),
                size: content.size(),
                mark: *mark,
            };
            vec![(existing.map_or(Output::Absent, found), None)]
        }
        Input::Listed => {
            let row = |Object { content, .. }: &Object| Output::Row {
                etag: content.etag().to_owned(),
                size: content.size(),
            };
            vec![(existing.map_or(Output::Absent, row), None)]
        }
        Input::CopiedFrom => {
            let copied = |object: &Object| Output::Source { etag: object.content.etag().to_owned() };
            vec![(existing.map_or(Output::Absent, copied), None)]
        }
        // Deleting a missing object succeeds, too.
        Input::Delete { condition } => vec![match condition.check(existing) {
            Ok(()) => (Output::Done, Some(state.with(None))),
            Err(_) => (Output::PreconditionFailed, None),
        }],
        Input::Copy { candidates, condition, .. } => {
            let mut outcomes: Vec<Outcome> =
                candidates.iter().map(|object| store(state, object, condition)).collect();
            // The source was missing. Its own key's history checks whether it may have been.
            outcomes.push((Output::Absent, None));
            outcomes
        }
        Input::CreateUpload { mark } => match answered {
            Some(Output::Created { upload })
                if !state.uploads.contains_key(upload) && !state.ended.contains(upload) =>
            {
                let mut begun = state.clone();
                begun.uploads.insert(upload.clone(), Upload { mark: *mark, parts: BTreeMap::new() });
                vec![(Output::Created { upload: upload.clone() }, Some(begun))]
            }
            _ => Vec::new(),
        },
        Input::UploadPart { upload, number, piece } => {
            if !state.uploads.contains_key(upload) {
                return vec![(Output::NoSuchUpload, None)];
            }
            let mut with_part = state.clone();
            with_part.uploads.entry(upload.clone()).or_default().parts.insert(*number, *piece);
            vec![(Output::Part { etag: piece.etag() }, Some(with_part))]
        }
        Input::Complete { upload, parts, condition, is_repeated } => {
            let mut outcomes = complete(state, upload, parts, condition);
            // A client whose upload has ended, perhaps because of a request whose answer was lost, treats the
            // object of its parts as the answer. It cannot distinguish that from another client having
            // completed the same upload.
            if *is_repeated
                && state.ended.contains(upload)
                && let (Some(object), Some(Output::Stored { etag })) = (existing, answered)
                && object.content.etag() == etag
            {
                outcomes.push((Output::Stored { etag: etag.clone() }, None));
            }
            outcomes
        }
        Input::Abort { upload } => {
            let aborted = (Output::Done, Some(state.without_upload(upload)));
            if state.uploads.contains_key(upload) || state.ended.contains(upload) {
                return vec![aborted];
            }
            // A client may treat a missing upload as success.
            vec![aborted, (Output::NoSuchUpload, None)]
        }
        Input::ListParts { upload } => {
            let parts = |Upload { parts, .. }: &Upload| {
                Output::Parts(parts.iter().map(|(number, part)| (*number, part.etag(), part.len())).collect())
            };
            vec![(state.uploads.get(upload).map_or(Output::NoSuchUpload, parts), None)]
        }
    }
}

fn store(state: &State, object: &Object, condition: &Condition) -> Outcome {
    match condition.check(state.object.as_ref()) {
        Ok(()) => {
            let etag = object.content.etag().to_owned();
            (Output::Stored { etag }, Some(state.with(Some(object.clone()))))
        }
        Err(_) => (Output::PreconditionFailed, None),
    }
}

/// Checks that the object exists, then its conditions, then the range.
fn get(
    existing: Option<&Object>,
    condition: &Condition,
    range: Option<Range>,
    answered: Option<&Output>,
) -> Output {
    let Some(Object { content, mark }) = existing else { return Output::Absent };
    match condition.check(existing) {
        Err(Refusal::DoesNotMatch) => return Output::PreconditionFailed,
        Err(Refusal::DoesNotDiffer) => return Output::NotModified,
        Ok(()) => {}
    }
    let size = content.size();
    let served = match range {
        None => Some((0, size)),
        Some(range) => range.resolve(size),
    };
    let Some((offset, length)) = served else { return Output::RangeNotSatisfiable };
    let etag = content.etag().to_owned();
    // The bytes of other objects need not be generated to see that they differ.
    let bytes = match answered {
        Some(Output::Found { etag: found, .. }) if *found == etag => {
            Digest::of(&content.slice(offset, length))
        }
        _ => Digest::of(&[]),
    };
    Output::Found { etag, size, mark: *mark, bytes }
}

fn complete(state: &State, upload: &str, parts: &[(u16, String)], condition: &Condition) -> Vec<Outcome> {
    let mut parts: Vec<_> = parts.iter().collect();
    parts.sort();
    let is_list = !parts.is_empty() && parts.windows(2).all(|pair| pair[0].0 != pair[1].0);
    let Some(known) = state.uploads.get(upload) else {
        let mut outcomes = vec![(Output::NoSuchUpload, None)];
        if !is_list {
            outcomes.push((Output::InvalidPart, None));
        }
        return outcomes;
    };
    if !is_list {
        return vec![(Output::InvalidPart, None)];
    }
    let named = |(number, etag): &(u16, String)| known.parts.get(number).filter(|part| part.etag() == *etag);
    let pieces: Option<Vec<Piece>> = parts.iter().map(|part| named(part).copied()).collect();
    let Some(pieces) = pieces else { return vec![(Output::InvalidPart, None)] };
    if let [first, others @ ..] = pieces.as_slice()
        && let [between @ .., last] = others
    {
        if [first].into_iter().chain(between).any(|part| part.len() < MIN_PART_SIZE) {
            return vec![(Output::EntityTooSmall, None)];
        }
        if between.iter().any(|part| part.len() != first.len()) || last.len() > first.len() {
            return vec![(Output::InvalidPart, None)];
        }
    }
    let object = Object::new(Content::of_parts(pieces), known.mark);
    let ended = state.without_upload(upload);
    // A failed condition ends the upload, too.
    vec![match condition.check(state.object.as_ref()) {
        Ok(()) => (Output::Stored { etag: object.content.etag().to_owned() }, Some(ended.with(Some(object)))),
        Err(_) => (Output::PreconditionFailed, Some(ended)),
    }]
}

/// Simplifies the operations on a key, so that there are fewer orders to look at, without changing the
/// result. Further requests of an operation become separate operations. What they and other unanswered
/// operations store is treated as equal where no answer distinguishes it from other objects.
pub(crate) fn simplified(operations: Vec<Operation<Input, Output>>) -> Vec<Operation<Input, Output>> {
    let told: BTreeSet<String> = operations.iter().flat_map(told_apart).map(str::to_owned).collect();
    let simplify = |object: &mut Object| {
        if !told.contains(object.content.etag()) {
            *object = Object::unseen();
        }
    };
    let mut simplified = Vec::with_capacity(operations.len());
    for mut operation in operations {
        for _ in 0..operation.copies() {
            simplified.push(Operation { output: None, returned: None, attempts: 1, ..operation.clone() });
        }
        if let Input::Complete { is_repeated, .. } = &mut operation.input {
            *is_repeated = operation.attempts > 1;
        }
        operation.attempts = 1;
        simplified.push(operation);
    }
    for operation in simplified.iter_mut().filter(|operation| operation.answer().is_none()) {
        match &mut operation.input {
            Input::Put { object, .. } => simplify(object),
            Input::Copy { candidates, source, .. } => {
                candidates.iter_mut().for_each(simplify);
                candidates.sort();
                candidates.dedup();
                source.clear();
            }
            _ => {}
        }
    }
    simplified
}

/// Returns the etags that a request and its answer distinguish from others. The etag that a write was
/// answered with does not count.
fn told_apart(operation: &Operation<Input, Output>) -> impl Iterator<Item = &str> {
    let answered = match &operation.output {
        Some(
            Output::Found { etag, .. }
            | Output::Head { etag, .. }
            | Output::Row { etag, .. }
            | Output::Source { etag },
        ) => Some(etag.as_str()),
        _ => None,
    };
    operation.input.condition().into_iter().flat_map(Condition::etags).chain(answered)
}

/// Executes an operation. Returns its answer and the new state. `id` is the id of a new upload.
#[cfg(test)]
pub(crate) fn perform(state: &State, input: &Input, id: &str) -> (Output, State) {
    let answered = match input {
        Input::CreateUpload { .. } => Output::Created { upload: id.to_owned() },
        _ => outcomes(state, input, None)[0].0.clone(),
    };
    let (output, left) = outcomes(state, input, Some(&answered)).swap_remove(0);
    (output, left.unwrap_or_else(|| state.clone()))
}
