//! What a store may have after a power loss.

use std::collections::BTreeMap;
use std::sync::Arc;

/// The bytes under a key, if any.
pub(super) type Stored = Option<Arc<Vec<u8>>>;

/// A key of the bucket, or of the namespace.
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

/// What was acknowledged, and what of the rest may have happened.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    /// Whether the bucket and the namespace are there.
    pub(super) is_prepared: bool,
    /// What may be under each key.
    pub(super) places: BTreeMap<Place, Vec<Stored>>,
    /// Uploads, by their id.
    pub(super) uploads: BTreeMap<String, Upload>,
}

/// An upload that was created.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) key: &'static str,
    /// Which sizes its part may have; none where it may be missing. No two have the same size.
    pub(super) part: Vec<Option<u64>>,
    /// The bytes of the part that was acknowledged last.
    pub(super) bytes: Stored,
    pub(super) etag: Option<String>,
    pub(super) end: End,
}

/// Whether an upload has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Open,
    /// It is being completed: if it has ended, its object is there.
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

    /// A write has begun.
    pub(super) fn may_become(&mut self, place: Place, stored: Stored) {
        let allowed = self.places.entry(place).or_default();
        if !allowed.contains(&stored) {
            allowed.push(stored);
        }
    }

    /// A write was acknowledged, or its outcome seen.
    pub(super) fn is(&mut self, place: Place, stored: Stored) {
        self.places.insert(place, vec![stored]);
    }

    /// What is there for sure.
    pub(super) fn sure(&self, place: Place) -> Stored {
        match self.places.get(&place).map(Vec::as_slice) {
            Some([stored]) => stored.clone(),
            _ => None,
        }
    }

    /// Why this may not be under a key.
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
