//! JSON lists with a limit, beyond which nothing is read.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, SeqAccess, Visitor};

/// A list with a maximum length. `None` if it is longer.
pub(super) fn parse<'de, T: Deserialize<'de>>(
    document: &'de [u8],
    most: usize,
) -> Result<Option<Vec<T>>, serde_json::Error> {
    let mut too_many = false;
    let mut json = serde_json::Deserializer::from_slice(document);
    let list = List { most, too_many: &mut too_many, entry: PhantomData };
    let read = list.deserialize(&mut json).and_then(|list| json.end().map(|()| list));
    if too_many { Ok(None) } else { read.map(Some) }
}

struct List<'a, T> {
    most: usize,
    too_many: &'a mut bool,
    entry: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for List<'_, T> {
    type Value = Vec<T>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Vec<T>, D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for List<'_, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {} entries", self.most)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while list.len() < self.most {
            match entries.next_element()? {
                Some(entry) => list.push(entry),
                None => return Ok(list),
            }
        }
        if entries.next_element::<IgnoredAny>()?.is_some() {
            *self.too_many = true;
            return Err(A::Error::custom("too many entries"));
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static READ: Cell<usize> = const { Cell::new(0) };
    }

    /// Counts how often it is read.
    struct Counted;

    impl<'de> Deserialize<'de> for Counted {
        fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
            READ.set(READ.get() + 1);
            IgnoredAny::deserialize(json).map(|_| Self)
        }
    }

    fn read(document: &str) -> (Result<Option<usize>, String>, usize) {
        READ.set(0);
        let list = parse::<Counted>(document.as_bytes(), 3);
        let length = list.map(|list| list.map(|list| list.len())).map_err(|error| error.to_string());
        (length, READ.get())
    }

    #[test]
    fn no_more_is_read_than_is_allowed() {
        assert_eq!(read("[]"), (Ok(Some(0)), 0));
        assert_eq!(read("[1, {}, []]"), (Ok(Some(3)), 3));
        assert_eq!(read(&format!("[{}1]", "1,".repeat(100_000))), (Ok(None), 3));
        // What comes behind is not even looked at.
        assert_eq!(read("[1,1,1,1 nonsense"), (Ok(None), 3));
        for (document, why) in [
            ("[1,1", "EOF while parsing a list at line 1 column 4"),
            ("[1] 2", "trailing characters at line 1 column 5"),
            ("{}", "invalid type: map, expected a list of at most 3 entries at line 1 column 0"),
        ] {
            assert_eq!(read(document).0, Err(why.to_owned()), "{document}");
        }
    }
}
