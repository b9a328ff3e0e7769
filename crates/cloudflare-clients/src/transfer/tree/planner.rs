//! Compares both sides entry by entry. Both are sorted, so one pass suffices.

use std::cmp::Ordering;
use std::pin::Pin;

use futures_util::future::join;
use futures_util::stream::{Peekable, StreamExt as _};

use super::entry::{Entries, Entry, Listed, order};
use super::selection::Selection;
use crate::error::{Error, Result};
use crate::model::r2::{MAX_DELETES, normalize_key};

/// The next thing to do.
#[derive(Debug)]
pub(super) enum Work {
    /// The entry exists only in the source.
    New(Entry),
    /// The entry exists on both sides.
    Both { source: Entry, target: Entry },
    /// The entry exists only in the source, and what blocked it may have been deleted.
    Again(Entry),
    /// The entries exist only in the target.
    Extra(Vec<Entry>),
    /// The entry cannot be transferred.
    Refused { name: String, error: Error },
    /// The entry is left out on purpose.
    LeftOut { name: String, why: Error },
}

/// Compares two listings.
pub(super) struct Planner {
    source: Side,
    target: Side,
    selection: Selection,
    /// Whether entries that exist only in the target are needed.
    wants_extra: bool,
    extra: Vec<Entry>,
    /// Whether the source has any entry.
    has_source: bool,
    /// Prefixes of the names below entries of the source that are not looked into.
    unknown: Vec<String>,
}

struct Side {
    what: &'static str,
    entries: Pin<Box<Peekable<Entries>>>,
    /// The last name, in its normal form.
    last: Option<String>,
}

impl Planner {
    pub(super) fn new(source: Entries, target: Entries, selection: Selection, wants_extra: bool) -> Self {
        let side = |what, entries: Entries| Side { what, entries: Box::pin(entries.peekable()), last: None };
        let (source, target) = (side("source", source), side("target", target));
        Self {
            source,
            target,
            selection,
            wants_extra,
            extra: Vec::new(),
            has_source: false,
            unknown: Vec::new(),
        }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Work>> {
        loop {
            let (source, target) =
                join(self.source.entries.as_mut().peek(), self.target.entries.as_mut().peek()).await;
            let ordering = match (source, target) {
                (Some(Ok(source)), Some(Ok(target))) => order(source.name(), target.name()),
                (None, None) => return self.take_extra(),
                // An error that ends a side is taken, and returned, below.
                (Some(Err(_)), _) | (Some(_), None) => Ordering::Less,
                (_, Some(_)) => Ordering::Greater,
            };
            let source = if ordering.is_le() { self.source.take().await? } else { None };
            let target = if ordering.is_ge() { self.target.take().await? } else { None };
            if let Some(work) = self.work(source, target) {
                return Ok(Some(work));
            }
        }
    }

    /// Whether the source may have this name below an entry that is not looked into.
    fn is_unknown(&mut self, name: &str) -> bool {
        if self.unknown.is_empty() {
            return false;
        }
        let name = normalize_key(name);
        // Names come in order: prefixes before this name are no longer needed.
        self.unknown.retain(|below| name.starts_with(below.as_str()) || **below > *name);
        self.unknown.iter().any(|below| name.starts_with(below.as_str()))
    }

    /// Returns the entries to delete, once both listings are complete. Nothing is deleted if a listing was
    /// cut short or out of order.
    fn take_extra(&mut self) -> Result<Option<Work>> {
        if self.extra.is_empty() {
            return Ok(None);
        }
        if !self.has_source {
            // More likely it is the wrong source, or it does not exist yet.
            let message = "the source has nothing, so that all of the target would be deleted: \
                if that is meant, delete it by itself";
            return Err(Error::invalid_input(message));
        }
        let rest = self.extra.split_off(self.extra.len().min(MAX_DELETES));
        Ok(Some(Work::Extra(std::mem::replace(&mut self.extra, rest))))
    }

    /// Handles a source entry that is not selected. Entries below it may be selected.
    fn work_beside(&mut self, source: Listed) -> Option<Work> {
        match source {
            Listed::Unreadable { name, error } if !self.selection.leaves_out(&name) => {
                Some(self.unreadable(name, error))
            }
            Listed::LeftOut { name, .. } => {
                self.unknown.push(format!("{}/", normalize_key(&name)));
                None
            }
            _ => None,
        }
    }

    /// The content is missing in the listing, but may exist in the source.
    fn unreadable(&mut self, name: String, error: Error) -> Work {
        let deletes = std::mem::take(&mut self.wants_extra);
        self.extra.clear();
        let error =
            if deletes { error.explain("nothing is deleted, as the listing is incomplete") } else { error };
        Work::Refused { name, error }
    }

    fn work(&mut self, source: Option<Taken>, target: Option<Taken>) -> Option<Work> {
        let first = &source.as_ref().or(target.as_ref())?.listed;
        if !self.selection.has(first.name()) {
            return self.work_beside(source?.listed);
        }
        self.has_source |= source.is_some();
        match (source, target) {
            (Some(Taken { listed, is_again: true }), _) | (None, Some(Taken { listed, is_again: true })) => {
                let name = listed.name().to_owned();
                let message = format!(
                    "more than one entry has the name {name:?} in the normal form in which R2 compares keys"
                );
                Some(Work::Refused { name, error: Error::invalid_input(message) })
            }
            (Some(Taken { listed: Listed::Unreadable { name, error }, .. }), _) => {
                Some(self.unreadable(name, error))
            }
            (Some(Taken { listed: Listed::LeftOut { name, why }, .. }), _) => {
                self.unknown.push(format!("{}/", normalize_key(&name)));
                Some(Work::LeftOut { name, why })
            }
            (Some(Taken { listed: Listed::Entry(source), .. }), None) => Some(Work::New(source)),
            (Some(Taken { listed: Listed::Entry(source), .. }), Some(target)) => Some(match target.listed {
                Listed::Entry(target) => Work::Both { source, target },
                Listed::Refused { error, .. }
                | Listed::LeftOut { why: error, .. }
                | Listed::Unreadable { error, .. } => Work::Refused {
                    name: source.name,
                    error: error.explain("something else has this name in the target"),
                },
            }),
            (None, Some(Taken { listed: Listed::Entry(target), .. })) => {
                if self.wants_extra && !self.is_unknown(&target.name) {
                    self.extra.push(Entry { object: None, ..target });
                }
                None
            }
            (Some(Taken { listed: Listed::Refused { name, error }, .. }), _)
            | (None, Some(Taken { listed: Listed::Unreadable { name, error }, .. })) => {
                Some(Work::Refused { name, error })
            }
            // Nothing to transfer and nothing to delete.
            (None, Some(_) | None) => None,
        }
    }
}

struct Taken {
    listed: Listed,
    /// Whether the previous entry has the same name.
    is_again: bool,
}

impl Side {
    async fn take(&mut self) -> Result<Option<Taken>> {
        let Some(listed) = self.entries.next().await.transpose()? else { return Ok(None) };
        let name = normalize_key(listed.name());
        let ordering = self.last.as_deref().map_or(Ordering::Less, |last| last.cmp(&name));
        if ordering.is_gt() {
            let message = format!(
                "the listing of the {} is not sorted by name: {name:?} comes after {:?}",
                self.what,
                self.last.as_deref().unwrap_or_default()
            );
            return Err(Error::unexpected(message));
        }
        self.last = Some(name.into_owned());
        let is_again = ordering.is_eq() && matches!(listed, Listed::Entry(_));
        Ok(Some(Taken { listed, is_again }))
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use futures_util::stream;

    use super::*;
    use crate::error::ErrorKind;

    #[expect(clippy::unnecessary_wraps, reason = "listings are of results")]
    fn entry(name: &str) -> Result<Listed> {
        Ok(Listed::Entry(Entry {
            name: name.to_owned(),
            size: 1,
            modified: SystemTime::UNIX_EPOCH,
            object: None,
        }))
    }

    #[expect(clippy::unnecessary_wraps, reason = "listings are of results")]
    fn unreadable(name: &str) -> Result<Listed> {
        let error = Error::new(ErrorKind::Storage, "it cannot be read");
        Ok(Listed::Unreadable { name: name.to_owned(), error })
    }

    #[expect(clippy::unnecessary_wraps, reason = "listings are of results")]
    fn refused(name: &str) -> Result<Listed> {
        Ok(Listed::Refused { name: name.to_owned(), error: Error::new(ErrorKind::Storage, "a link") })
    }

    async fn plan(source: Vec<Result<Listed>>, target: Vec<Result<Listed>>) -> Vec<String> {
        let exclude = vec![crate::transfer::tree::selection::NamePattern::parse("*.tmp").unwrap()];
        let selection = Selection { include: Vec::new(), exclude };
        let (source, target) = (stream::iter(source).boxed(), stream::iter(target).boxed());
        let mut planner = Planner::new(source, target, selection, true);
        let mut plan = Vec::new();
        loop {
            plan.push(match planner.next().await {
                Ok(Some(Work::LeftOut { name, .. })) => format!("~{name}"),
                Ok(None) => return plan,
                Ok(Some(Work::New(entry) | Work::Again(entry))) => format!("+{}", entry.name),
                Ok(Some(Work::Both { source, .. })) => format!("={}", source.name),
                Ok(Some(Work::Extra(entries))) => {
                    entries.iter().flat_map(|entry| ["-", &entry.name]).collect()
                }
                Ok(Some(Work::Refused { name, error })) => format!("!{name} {}", error.message()),
                Err(error) => {
                    plan.push(error.message().to_owned());
                    return plan;
                }
            });
        }
    }

    #[tokio::test]
    async fn both_sides_are_gone_through_once() {
        let (source, target) = (["a", "b", "b.tmp", "d"].map(entry), ["a.tmp", "b", "c", "e"].map(entry));
        assert_eq!(plan(source.into(), target.into()).await, ["+a", "=b", "+d", "-c-e"]);
        let nothing = plan(vec![], ["a", "b"].map(entry).into()).await;
        assert!(nothing[0].starts_with("the source has nothing"), "{nothing:?}");
        assert_eq!(plan(vec![], vec![]).await, [""; 0]);
        assert_eq!(plan(["a", "b"].map(entry).into(), vec![]).await, ["+a", "+b"]);
    }

    #[tokio::test]
    async fn nothing_is_deleted_for_what_could_not_be_read() {
        let source = vec![entry("a"), unreadable("b"), entry("d")];
        let target = ["0", "a", "b/1", "c"].map(entry);
        assert_eq!(
            plan(source, target.into()).await,
            ["=a", "!b nothing is deleted, as the listing is incomplete: it cannot be read", "+d"]
        );
    }

    #[tokio::test]
    async fn nothing_is_deleted_below_what_is_left_out() {
        let why = Error::new(ErrorKind::Storage, "a link");
        let source = vec![entry("a"), Ok(Listed::LeftOut { name: "b".to_owned(), why })];
        let target = ["a", "b", "b-1", "b/1", "b/2/3", "b0", "c"].map(entry);
        assert_eq!(plan(source, target.into()).await, ["=a", "~b", "-b-1-b0-c"]);
    }

    #[tokio::test]
    async fn a_listing_that_ends_in_an_error_deletes_nothing() {
        let source = vec![entry("a"), Err(Error::unexpected("cut off"))];
        assert_eq!(plan(source, ["0", "b", "c"].map(entry).into()).await, ["+a", "cut off"]);
    }

    #[tokio::test]
    async fn a_listing_out_of_order_is_refused() {
        let plan = plan(["b", "a"].map(entry).into(), ["c"].map(entry).into()).await;
        assert_eq!(plan[0], "+b");
        assert!(plan[1].contains("\"a\" comes after \"b\""), "{plan:?}");
    }

    #[tokio::test]
    async fn what_is_refused_takes_its_place() {
        let both = plan(vec![refused("a"), entry("b")], vec![entry("a"), refused("b"), refused("c")]).await;
        assert_eq!(both[0], "!a a link");
        assert!(both[1].starts_with("!b something else has this name in the target: "), "{both:?}");
        assert_eq!(both.len(), 2);
        let again = plan(["cr\u{e9}a", "cre\u{301}a"].map(entry).into(), vec![]).await;
        assert!(again[1].contains("has the name"), "{again:?}");
    }
}
