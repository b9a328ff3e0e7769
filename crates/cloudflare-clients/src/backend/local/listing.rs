//! Pages of keys: prefixes, delimiters and cursors.
//!
//! A page is a walk along the keys from a lower bound to an upper one. Where a delimiter groups keys, the walk goes on
//! behind the whole group, so that a page costs one look-up per entry however many keys the groups have.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use rusqlite::Connection;

use super::database::{Outcome, from_millis};
use super::key::normalize;
use super::objects::{self, object_columns};
use crate::error::{Error, Result};
use crate::r2::{
    ListMultipartUploadsRequest, ListPage, ListRequest, MultipartUploadSummary, MultipartUploadsPage,
};

const MAX_LIMIT: u32 = 1000;

/// The limit of a page, 1 to 1,000.
pub(super) fn check_limit(limit: Option<u32>) -> Result<usize> {
    match limit.unwrap_or(MAX_LIMIT) {
        limit @ 1..=MAX_LIMIT => Ok(limit as usize),
        limit => Err(Error::invalid_input(format!(
            "a page of {limit} was asked for: R2 takes 1 to {MAX_LIMIT}"
        ))
        .with_code("InvalidMaxKeys")),
    }
}

/// The smallest bytes that are greater than all that begin with `prefix`; `None` where there are none.
fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != 0xFF)?;
    let mut after = prefix[..=last].to_vec();
    after[last] += 1;
    Some(after)
}

/// The smallest bytes that are greater than `key`.
fn after_key(key: &[u8]) -> Vec<u8> {
    let mut after = Vec::with_capacity(key.len() + 1);
    after.extend_from_slice(key);
    after.push(0);
    after
}

/// Which keys are grouped, and where.
#[derive(Debug)]
struct Grouping {
    prefix: Vec<u8>,
    delimiter: Option<Vec<u8>>,
}

impl Grouping {
    fn new(prefix: &str, delimiter: Option<&str>) -> Self {
        let bytes = |text: &str| normalize(text).into_owned().into_bytes();
        Self {
            prefix: bytes(prefix),
            delimiter: delimiter.filter(|delimiter| !delimiter.is_empty()).map(bytes),
        }
    }

    /// The prefix, up to and with the delimiter, that this key is grouped under.
    fn group<'k>(&self, key: &'k [u8]) -> Option<&'k [u8]> {
        let delimiter = self.delimiter.as_deref()?;
        let rest = key.strip_prefix(self.prefix.as_slice())?;
        let at = rest
            .windows(delimiter.len())
            .position(|window| window == delimiter)?;
        key.get(..self.prefix.len() + at + delimiter.len())
    }
}

/// A list of objects.
#[derive(Debug)]
pub(super) struct ObjectsQuery {
    grouping: Grouping,
    /// The first key that may be on the page.
    from: Vec<u8>,
    limit: usize,
    include_metadata: bool,
}

impl ObjectsQuery {
    pub(super) fn new(request: ListRequest) -> Result<Self> {
        let grouping = Grouping::new(&request.prefix, request.delimiter.as_deref());
        let start_after = request
            .start_after
            .as_deref()
            .map(|key| after_key(normalize(key).as_bytes()));
        let cursor = request.cursor.as_deref().map(read_cursor).transpose()?;
        let from = [Some(grouping.prefix.clone()), start_after, cursor]
            .into_iter()
            .flatten()
            .max();
        Ok(Self {
            grouping,
            from: from.unwrap_or_default(),
            limit: check_limit(request.limit)?,
            include_metadata: request.include_metadata,
        })
    }

    pub(super) fn run(self, connection: &Connection, bucket: i64) -> Outcome<ListPage> {
        self.walk(connection, bucket).map(|(page, _)| page)
    }

    /// The page, and how many rows were read for it.
    fn walk(self, connection: &Connection, bucket: i64) -> Outcome<(ListPage, usize)> {
        let mut statement = connection.prepare_cached(concat!(
            "SELECT ",
            object_columns!(),
            " FROM objects WHERE bucket = ?1 AND key >= ?2 AND (?3 IS NULL OR key < ?3) ORDER BY key"
        ))?;
        let end = after_prefix(&self.grouping.prefix);
        let mut page = ListPage::default();
        let mut from = self.from;
        let mut rows_read = 0;
        'seek: loop {
            let mut rows = statement.query((bucket, &from, &end))?;
            while let Some(row) = rows.next()? {
                rows_read += 1;
                if page.objects.len() + page.delimited_prefixes.len() == self.limit {
                    page.truncated = true;
                    page.cursor = Some(write_cursor(&from));
                    break 'seek;
                }
                let key = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
                if let Some(group) = self.grouping.group(key) {
                    page.delimited_prefixes
                        .push(String::from_utf8_lossy(group).into_owned());
                    let Some(next) = after_prefix(group) else {
                        break 'seek;
                    };
                    from = next;
                    continue 'seek;
                }
                from = after_key(key);
                page.objects
                    .push(objects::read_object(row, self.include_metadata)?);
            }
            break;
        }
        Ok((page, rows_read))
    }
}

/// A cursor is the first key of the next page.
fn write_cursor(from: &[u8]) -> String {
    BASE64.encode(from)
}

fn read_cursor(cursor: &str) -> Result<Vec<u8>> {
    BASE64.decode(cursor).map_err(|error| {
        Error::invalid_input("the cursor is not one that a list returned: begin without one")
            .with_code("InvalidArgument")
            .with_source(error)
    })
}

/// A list of multipart uploads.
#[derive(Debug)]
pub(super) struct UploadsQuery {
    grouping: Grouping,
    /// The first key, and of its uploads the first id, that may be on the page.
    from: (Vec<u8>, String),
    limit: usize,
}

impl UploadsQuery {
    pub(super) fn new(request: ListMultipartUploadsRequest) -> Result<Self> {
        let grouping = Grouping::new(&request.prefix, request.delimiter.as_deref());
        let marker = request
            .key_marker
            .map(|key| normalize(&key).into_owned().into_bytes());
        let from = match (marker, request.upload_id_marker) {
            (Some(key), Some(id)) => (key, id + "\0"),
            // A marker that is itself a group stands for all of it.
            (Some(key), None) if grouping.group(&key) == Some(&key) => (
                after_prefix(&key).unwrap_or_else(|| after_key(&key)),
                String::new(),
            ),
            (Some(key), None) => (after_key(&key), String::new()),
            (None, _) => (Vec::new(), String::new()),
        };
        let from = from.max((grouping.prefix.clone(), String::new()));
        Ok(Self {
            grouping,
            from,
            limit: check_limit(request.limit)?,
        })
    }

    pub(super) fn run(self, connection: &Connection, bucket: i64) -> Outcome<MultipartUploadsPage> {
        let mut statement = connection.prepare_cached(
            "SELECT key, uploaded_key, id, initiated, storage_class FROM uploads \
             WHERE bucket = ?1 AND (key, id) >= (?2, ?3) AND (?4 IS NULL OR key < ?4) ORDER BY key, id",
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
                    let Some(next) = after_prefix(group) else {
                        break 'seek;
                    };
                    (from_key, from_id) = (next, String::new());
                    continue 'seek;
                }
                let upload = MultipartUploadSummary {
                    key: row
                        .get::<_, Option<String>>(1)?
                        .map_or_else(|| objects::read_key(row, 0), Ok)?,
                    upload_id: row.get(2)?,
                    initiated: from_millis(row.get(3)?),
                    storage_class: Some(objects::read_storage_class(row, 4)?),
                };
                marker = (Some(upload.key.clone()), Some(upload.upload_id.clone()));
                page.uploads.push(upload);
            }
            break;
        }
        Ok(page)
    }
}
