//! The possible contents of a store after a power loss.

use std::collections::BTreeMap;
use std::sync::Arc;

/// The bytes under a key, if any.
pub(super) type Stored = Option<Arc<Vec<u8>>>;

/// A key of the bucket or of the namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Object(&'static str),
    Value(&'static str),
}

pub(super) const PLACES: [Place; 7] = [
    Place::Object("a"),
    Place::Object("b"),
    Place::Object("c/d"),
    Place::Object("e"),
    Place::Value("a"),
    Place::Value("b"),
    Place::Value("c"),
];

/// What was acknowledged, and which other operations may have happened.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    /// Whether the bucket and the namespace exist.
    pub(super) is_prepared: bool,
    /// The possible values of each key.
    pub(super) places: BTreeMap<Place, Vec<Stored>>,
    /// Uploads, by id.
    pub(super) uploads: BTreeMap<String, Upload>,
}

/// An upload that was created.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) key: &'static str,
    /// The possible sizes of its part, or `None` if it may be missing. No two parts have the same size.
    pub(super) part: Vec<Option<u64>>,
    /// The bytes of the last acknowledged part.
    pub(super) bytes: Stored,
    pub(super) etag: Option<String>,
    pub(super) end: End,
}

/// Whether an upload has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Open,
    /// It is being completed: if it has ended, its object exists.
    Completing,
    /// It is being aborted.
    Aborting,
    Ended,
}

impl Expected {
    pub(super) fn new() -> Self {
        let places = PLACES.into_iter().map(|place| (place, vec![None])).collect();
        Self { is_prepared: false, places, uploads: BTreeMap::new() }
    }

    /// Records that a write has started.
    pub(super) fn may_become(&mut self, place: Place, stored: Stored) {
        let allowed = self.places.entry(place).or_default();
        if !allowed.contains(&stored) {
            allowed.push(stored);
        }
    }

    /// Records that a write was acknowledged, or that its result was seen.
    pub(super) fn is(&mut self, place: Place, stored: Stored) {
        self.places.insert(place, vec![stored]);
    }

    /// Returns the value of a key if it is certain.
    pub(super) fn sure(&self, place: Place) -> Stored {
        match self.places.get(&place).map(Vec::as_slice) {
            Some([stored]) => stored.clone(),
            _ => None,
        }
    }

    /// Returns why a key cannot have this value.
    pub(super) fn problem(&self, place: Place, found: &Stored) -> Option<String> {
        let allowed = self.places.get(&place)?;
        if allowed.contains(found) {
            return None;
        }
        let allowed: Vec<_> = allowed.iter().map(shown).collect();
        Some(format!("{place:?} is {} and not {}", shown(found), allowed.join(" or ")))
    }
}

fn shown(stored: &Stored) -> String {
    match stored {
        Some(bytes) => format!("{} bytes that begin with {:02x?}", bytes.len(), &bytes[..bytes.len().min(4)]),
        None => "absent".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_may_have_happened_until_it_is_acknowledged() {
        let stored = |bytes: &[u8]| Some(Arc::new(bytes.to_vec()));
        let (place, mut expected) = (PLACES[0], Expected::new());
        assert_eq!(expected.problem(place, &None), None);
        assert!(expected.problem(place, &stored(b"new")).is_some());
        expected.may_become(place, stored(b"new"));
        assert_eq!(expected.problem(place, &None), None);
        assert_eq!(expected.problem(place, &stored(b"new")), None);
        assert!(expected.problem(place, &stored(b"ne")).is_some());
        expected.is(place, stored(b"new"));
        let problem = expected.problem(place, &None).unwrap();
        assert_eq!(problem, "Object(\"a\") is absent and not 3 bytes that begin with [6e, 65, 77]");
    }
}
