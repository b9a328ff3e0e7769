//! The rows of bodies: an object's, an upload's or a value's is a list of segments.

use std::ops::Range;

use bytes::Bytes;
use rusqlite::{Connection, Row};

use super::block_checksums::crc_of_blocks;
use super::database::{StoreResult, to_millis};
use super::writer::Write;
use crate::r2::{Checksum, Crc64Nvme, ObjectChecksum, ServedRange};

/// Some bytes of a body, and where they are.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) size: u64,
    pub(super) md5: Checksum,
    /// Those of its blocks.
    pub(super) checksums: Vec<u8>,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Inline(Bytes),
    /// The name of a file.
    Blob(String),
}

/// A body without segments.
pub(super) fn new_body(write: &Write<'_>) -> StoreResult<i64> {
    let id = write
        .prepare_cached("UPDATE next_body SET id = id + 1 RETURNING id - 1")?
        .query_row((), |row| row.get(0))?;
    Ok(id)
}

/// A body of one segment, its part 1.
pub(super) fn new_body_of(write: &Write<'_>, segment: &Segment) -> StoreResult<i64> {
    let body = new_body(write)?;
    put_segment(write, segment_id(body, 1), segment)?;
    Ok(body)
}

/// The ids of the segments that a body can have.
pub(super) fn segments_of(body: i64) -> Range<i64> {
    segment_id(body, 0)..segment_id(body + 1, 0)
}

/// The id of a segment.
pub(super) fn segment_id(body: i64, part_number: u16) -> i64 {
    body << 16 | i64::from(part_number)
}

/// Adds bytes to a body.
pub(super) fn put_segment(write: &Write<'_>, id: i64, segment: &Segment) -> StoreResult<()> {
    let (blob, bytes) = match &segment.content {
        Content::Blob(name) => (Some(name.as_str()), None),
        Content::Inline(bytes) => (None, Some(&bytes[..])),
    };
    write
        .prepare_cached(
            "INSERT INTO segments (id, size, md5, checksums, blob, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((id, segment.size, segment.md5.as_bytes(), &segment.checksums, blob, bytes))?;
    Ok(())
}

/// Notes when a segment came, which is a part, and its checksum by an algorithm of its own.
pub(super) fn set_uploaded(write: &Write<'_>, id: i64, checksum: Option<Checksum>) -> StoreResult<()> {
    let checksum = checksum.map(|checksum| ObjectChecksum::from(checksum).to_string());
    write.prepare_cached("UPDATE segments SET uploaded = ?2, checksum = ?3 WHERE id = ?1")?.execute((
        id,
        to_millis(write.now),
        checksum,
    ))?;
    Ok(())
}

/// The CRC-64/NVME of a segment, by columns of it. One of before version 3 has none, unless it was scrubbed.
pub(super) fn read_crc(row: &Row<'_>, size: usize, checksums: usize) -> StoreResult<Option<Crc64Nvme>> {
    let size: u64 = row.get(size)?;
    let checksums = row.get_ref(checksums)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
    Ok(checksums.and_then(|checksums| crc_of_blocks(size, checksums)))
}

/// Where the segments of a body lie in it, in their order.
pub(super) fn ranges_of(connection: &Connection, body: i64) -> StoreResult<Vec<ServedRange>> {
    let ids = segments_of(body);
    let mut statement =
        connection.prepare_cached("SELECT size FROM segments WHERE id >= ?1 AND id < ?2 ORDER BY id")?;
    let mut offset = 0;
    let ranges = statement.query_map((ids.start, ids.end), |row| {
        let range = ServedRange { offset, length: row.get(0)? };
        offset += range.length;
        Ok(range)
    })?;
    Ok(ranges.collect::<rusqlite::Result<_>>()?)
}

/// Gives a segment checksums that it does not have, unless it is in another file by now.
pub(super) fn set_checksums(
    write: &Write<'_>,
    id: i64,
    blob: Option<&str>,
    checksums: &[u8],
) -> StoreResult<()> {
    write
        .prepare_cached(
            "UPDATE segments SET checksums = ?3 WHERE id = ?1 AND blob IS ?2 AND checksums IS NULL",
        )?
        .execute((id, blob, checksums))?;
    Ok(())
}

/// Removes segments, and their files once the transaction is committed.
pub(super) fn remove_segments(write: &Write<'_>, ids: Range<i64>) -> StoreResult<()> {
    write
        .prepare_cached(
            "INSERT INTO garbage (blob) SELECT blob FROM segments WHERE id >= ?1 AND id < ?2 AND blob IS NOT NULL",
        )?
        .execute((ids.start, ids.end))?;
    write.prepare_cached("DELETE FROM segments WHERE id >= ?1 AND id < ?2")?.execute((ids.start, ids.end))?;
    Ok(())
}

/// Removes all segments of a body.
pub(super) fn remove_body(write: &Write<'_>, body: i64) -> StoreResult<()> {
    remove_segments(write, segments_of(body))
}

/// The files of a body, in their order.
pub(super) fn blobs_of(connection: &Connection, body: i64) -> StoreResult<Vec<String>> {
    let ids = segments_of(body);
    let mut statement = connection.prepare_cached(
        "SELECT blob FROM segments WHERE id >= ?1 AND id < ?2 AND blob IS NOT NULL ORDER BY id",
    )?;
    let names = statement.query_map((ids.start, ids.end), |row| row.get(0))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}

/// Gives the bytes of a body to a new one. `blobs` name the copies of its files, in their order.
pub(super) fn copy_body(write: &Write<'_>, body: i64, blobs: &[String]) -> StoreResult<i64> {
    let copy = new_body(write)?;
    let (from, to) = (segments_of(body), segments_of(copy));
    write
        .prepare_cached(
            "INSERT INTO segments (id, size, md5, checksums, blob, bytes) \
             SELECT id + ?3, size, md5, checksums, NULL, bytes FROM segments WHERE id >= ?1 AND id < ?2 AND blob IS NULL",
        )?
        .execute((from.start, from.end, to.start - from.start))?;
    let mut statement = write.prepare_cached(
        "SELECT id, size, md5, checksums FROM segments WHERE id >= ?1 AND id < ?2 AND blob IS NOT NULL ORDER BY id",
    )?;
    let mut insert = write.prepare_cached(
        "INSERT INTO segments (id, size, md5, checksums, blob) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let mut rows = statement.query((from.start, from.end))?;
    let mut blobs = blobs.iter();
    while let (Some(row), Some(blob)) = (rows.next()?, blobs.next()) {
        let (id, size): (i64, u64) = (row.get(0)?, row.get(1)?);
        let (md5, checksums): (Vec<u8>, Option<Vec<u8>>) = (row.get(2)?, row.get(3)?);
        insert.execute((id - from.start + to.start, size, md5, checksums, blob))?;
    }
    Ok(copy)
}
