//! Pages of objects and uploads: prefixes and delimiters.
//!
//! A page is a walk along the keys from a lower bound to an upper one. If a delimiter groups keys, the walk
//! continues after the whole group, so that a page costs one lookup per entry, however many keys the groups
//! have.

use rusqlite::Connection;

use super::cursor::{after_key, after_prefix, read_cursor, set_after_key, write_cursor};
use super::database::{StoreResult, from_millis, read_key};
use super::objects::{self, object_columns};
use crate::error::Result;
use crate::model::r2::limits::validate_page_size;
use crate::model::r2::normalize_key;
use crate::mutation::{Mutation, is_mutated};
use crate::r2::{
    ListMultipartUploadsRequest, ListPage, ListRequest, MultipartUploadSummary, MultipartUploadsPage,
};

pub(super) const SELECT_OBJECTS: &str = concat!(
    "SELECT ",
    object_columns!(),
    " FROM objects WHERE bucket = ?1 AND key >= ?2 AND key < ?3 ORDER BY key"
);

/// The limit of a page, 1 to 1,000.
pub(super) fn check_limit(limit: Option<u32>) -> Result<usize> {
    validate_page_size(limit)?;
    Ok(limit.unwrap_or(1000) as usize)
}

/// Which keys are grouped, and where.
#[derive(Debug)]
struct Grouping {
    prefix: Vec<u8>,
    delimiter: Option<Vec<u8>>,
}

impl Grouping {
    fn new(prefix: &str, delimiter: Option<&str>) -> Self {
        let bytes = |text: &str| normalize_key(text).into_owned().into_bytes();
        Self {
            prefix: bytes(prefix),
            delimiter: delimiter.filter(|delimiter| !delimiter.is_empty()).map(bytes),
        }
    }

    /// The prefix of this key's group, up to and including the delimiter.
    fn group<'k>(&self, key: &'k [u8]) -> Option<&'k [u8]> {
        let delimiter = self.delimiter.as_deref()?;
        let rest = key.strip_prefix(self.prefix.as_slice())?;
        let at = rest.windows(delimiter.len()).position(|window| window == delimiter)?;
        key.get(..self.prefix.len() + at + delimiter.len())
    }
}

/// A query for objects.
#[derive(Debug)]
pub(super) struct ObjectsQuery {
    grouping: Grouping,
    /// The first key that may be on the page.
    from: Vec<u8>,
    limit: usize,
    include_metadata: bool,
}

impl ObjectsQuery {
    pub(super) fn new(request: &ListRequest) -> Result<Self> {
        let grouping = Grouping::new(&request.prefix, request.delimiter.as_deref());
        let start_after = request.start_after.as_deref().map(|key| after_key(normalize_key(key).as_bytes()));
        let cursor = request.cursor.as_deref().map(read_cursor).transpose()?;
        let from = [Some(grouping.prefix.clone()), start_after, cursor].into_iter().flatten().max();
        Ok(Self {
            grouping,
            from: from.unwrap_or_default(),
            limit: check_limit(request.limit)?,
            include_metadata: request.include_metadata,
        })
    }

    pub(super) fn run(self, connection: &Connection, bucket: i64) -> StoreResult<ListPage> {
        let mut statement = connection.prepare_cached(SELECT_OBJECTS)?;
        let end = after_prefix(&self.grouping.prefix);
        let mut page = ListPage::default();
        let mut from = self.from;
        'seek: loop {
            let mut rows = statement.query((bucket, &from, &end))?;
            while let Some(row) = rows.next()? {
                if page.objects.len() + page.delimited_prefixes.len() == self.limit {
                    page.truncated = true;
                    if is_mutated(Mutation::ListingSkipsKey) {
                        from = after_key(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?);
                    }
                    page.cursor = Some(write_cursor(&from));
                    break 'seek;
                }
                let key = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
                if let Some(group) = self.grouping.group(key) {
                    page.delimited_prefixes.push(String::from_utf8_lossy(group).into_owned());
                    from = after_prefix(group);
                    continue 'seek;
                }
                set_after_key(&mut from, key);
                page.objects.push(objects::read_object(row, self.include_metadata)?);
            }
            break;
        }
        Ok(page)
    }
}

/// A query for multipart uploads.
#[derive(Debug)]
pub(super) struct UploadsQuery {
    grouping: Grouping,
    /// The first key that may be on the page, and the first upload id of that key.
    from: (Vec<u8>, String),
    limit: usize,
}

impl UploadsQuery {
    pub(super) fn new(request: ListMultipartUploadsRequest) -> Result<Self> {
        let grouping = Grouping::new(&request.prefix, request.delimiter.as_deref());
        let marker = request.key_marker.map(|key| normalize_key(&key).into_owned().into_bytes());
        let from = match (marker, request.upload_id_marker) {
            (Some(key), Some(id)) => (key, id + "\0"),
            // A marker that is itself a group stands for the whole group.
            (Some(key), None) if grouping.group(&key) == Some(&key) => (after_prefix(&key), String::new()),
            (Some(key), None) => (after_key(&key), String::new()),
            (None, _) => (Vec::new(), String::new()),
        };
        let from = from.max((grouping.prefix.clone(), String::new()));
        Ok(Self { grouping, from, limit: check_limit(request.limit)? })
    }

    pub(super) fn run(self, connection: &Connection, bucket: i64) -> StoreResult<MultipartUploadsPage> {
        let mut statement = connection.prepare_cached(
            "SELECT key, uploaded_key, id, initiated, storage_class, checksum_algorithm FROM uploads \
             WHERE bucket = ?1 AND (key, id) >= (?2, ?3) AND key < ?4 ORDER BY key, id",
        )?;
        let end = after_prefix(&self.grouping.prefix);
        let mut page = MultipartUploadsPage::default();
        let (mut from_key, mut from_id) = self.from;
        let mut marker = (None, None);
        'seek: loop {
            let mut rows = statement.query((bucket, &from_key, &from_id, &end))?;
            while let Some(row) = rows.next()? {
                if page.uploads.len() + page.delimited_prefixes.len() == self.limit {
                    page.truncated = true;
                    (page.next_key_marker, page.next_upload_id_marker) = marker;
                    break 'seek;
                }
                let key = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
                if let Some(group) = self.grouping.group(key) {
                    let prefix = String::from_utf8_lossy(group).into_owned();
                    page.delimited_prefixes.push(prefix.clone());
                    marker = (Some(prefix), None);
                    (from_key, from_id) = (after_prefix(group), String::new());
                    continue 'seek;
                }
                let upload = MultipartUploadSummary {
                    key: row.get::<_, Option<String>>(1)?.map_or_else(|| read_key(row, 0), Ok)?,
                    upload_id: row.get(2)?,
                    initiated: from_millis(row.get(3)?),
                    storage_class: Some(objects::read_storage_class(row, 4)?),
                    checksum_algorithm: objects::read_algorithm(row, 5)?,
                };
                marker = (Some(upload.key.clone()), Some(upload.upload_id.clone()));
                page.uploads.push(upload);
            }
            break;
        }
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use rusqlite::StatementStatus;

    use super::*;
    use crate::error::{Error, ErrorKind};
    use crate::store::database::migrate;

    fn database(keys: impl IntoIterator<Item = String>) -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&connection).map_err(Error::from).unwrap();
        let transaction = connection.transaction().unwrap();
        transaction.execute("INSERT INTO buckets (id, name, created) VALUES (1, 'media', 0)", ()).unwrap();
        let mut insert = transaction
            .prepare(
                "INSERT INTO objects (bucket, key, version, size, etag, uploaded, storage_class, body) \
                 VALUES (1, ?1, '', 0, '', 0, 'STANDARD', ?2)",
            )
            .unwrap();
        for (body, key) in keys.into_iter().enumerate() {
            insert.execute((key.as_bytes(), body)).unwrap();
        }
        drop(insert);
        transaction.commit().unwrap();
        connection
    }

    fn run(connection: &Connection, request: &ListRequest) -> ListPage {
        ObjectsQuery::new(request).unwrap().run(connection, 1).map_err(Error::from).unwrap()
    }

    /// The objects and prefixes of a page, computed by looking at every key.
    fn naive(keys: &BTreeSet<String>, request: &ListRequest) -> Vec<(bool, String)> {
        let mut entries = Vec::new();
        for key in keys {
            let Some(rest) = key.strip_prefix(&request.prefix) else {
                continue;
            };
            if request.start_after.as_ref().is_some_and(|after| key <= after) {
                continue;
            }
            let delimiter = request.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty());
            let entry = match delimiter.and_then(|delimiter| Some((rest.find(delimiter)?, delimiter))) {
                Some((at, delimiter)) => {
                    (true, format!("{}{}", request.prefix, &rest[..at + delimiter.len()]))
                }
                None => (false, key.clone()),
            };
            if entries.last() != Some(&entry) {
                entries.push(entry);
            }
        }
        entries
    }

    proptest! {
        #[test]
        fn pages_are_what_looking_at_every_key_gives(
            keys in prop::collection::btree_set("[ab/é]{1,6}", 0..40),
            prefix in "[ab/]{0,2}",
            delimiter in prop::option::of("(/|//|a/|é|)"),
            start_after in prop::option::of("[ab/é]{0,4}"),
            limit in 1_u32..6,
        ) {
            let connection = database(keys.iter().cloned());
            let mut request = ListRequest { prefix, delimiter, start_after, limit: Some(limit), ..ListRequest::default() };
            let expected = naive(&keys, &request);
            let mut chunks = expected.chunks(limit as usize);
            loop {
                let page = run(&connection, &request);
                let expected = chunks.next().unwrap_or_default();
                let named = |prefixes: bool| expected.iter().filter(move |e| e.0 == prefixes).map(|e| &e.1);
                prop_assert!(page.objects.iter().map(|object| &object.key).eq(named(false)));
                prop_assert!(page.delimited_prefixes.iter().eq(named(true)));
                prop_assert_eq!(page.truncated, chunks.len() > 0);
                prop_assert_eq!(page.truncated, page.cursor.is_some());
                if !page.truncated {
                    break;
                }
                request.cursor = page.cursor;
            }
        }
    }

    #[test]
    fn a_page_costs_its_entries_and_not_the_keys_behind_them() {
        let keys = (0..100_000).map(|i| format!("{:02}/{i:06}", i / 10_000));
        let connection = database(keys);
        let steps = |request: &ListRequest| {
            let page = run(&connection, request);
            let statement = connection.prepare_cached(SELECT_OBJECTS).unwrap();
            (page, statement.reset_status(StatementStatus::VmStep))
        };
        let delimiter = Some("/".to_owned());
        let (page, cost) = steps(&ListRequest { delimiter: delimiter.clone(), ..ListRequest::default() });
        assert_eq!(page.delimited_prefixes.len(), 10);
        assert!(cost < 1000, "10 prefixes took {cost} steps of SQLite's machine");
        let (page, cost) =
            steps(&ListRequest { prefix: "03/0300".to_owned(), limit: Some(10), ..ListRequest::default() });
        assert!(page.objects.len() == 10 && page.truncated);
        assert!(cost < 1000, "10 objects took {cost} steps of SQLite's machine");
        let (page, cost) = steps(&ListRequest { prefix: "03/03000".to_owned(), ..ListRequest::default() });
        assert!(page.objects.len() == 10 && !page.truncated);
        assert!(cost < 1000, "the end of a prefix took {cost} steps of SQLite's machine");
    }

    #[test]
    fn bad_cursors_and_limits_are_refused() {
        for request in [
            ListRequest { cursor: Some("!".to_owned()), ..ListRequest::default() },
            ListRequest { limit: Some(0), ..ListRequest::default() },
            ListRequest { limit: Some(1001), ..ListRequest::default() },
        ] {
            let refused = ObjectsQuery::new(&request).map_err(|error| error.kind());
            assert_eq!(refused.err(), Some(ErrorKind::InvalidInput), "{request:?}");
        }
    }
}
