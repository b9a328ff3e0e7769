//! The rows of bodies: the body of an object, an upload or a value is a list of segments.

use std::ops::Range;

use bytes::Bytes;
use rusqlite::{Connection, Row};

use super::block_checksums::crc_of_blocks;
use super::database::{StoreResult, to_millis};
use super::encryption::SegmentSalt;
use super::writer::Write;
use crate::mutation::{Mutation, is_mutated};
use crate::r2::{Checksum, ChecksumAlgorithm, Crc64Nvme, ObjectChecksum, ServedRange};

/// Some bytes of a body, and where they are.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) size: u64,
    pub(super) md5: Checksum,
    /// The checksums of the blocks.
    pub(super) checksums: Vec<u8>,
    pub(super) content: Content,
    /// How the bytes are encrypted. If they are, `md5` and `checksums` are those of the encrypted bytes.
    pub(super) encryption: Option<SegmentEncryption>,
}

#[derive(Debug)]
pub(super) enum Content {
    Inline(Bytes),
    /// The name of a file.
    Blob(String),
}

/// How a segment is encrypted.
#[derive(Debug)]
pub(super) struct SegmentEncryption {
    pub(super) salt: SegmentSalt,
    /// The CRC-64/NVME of the plain text.
    pub(super) crc64nvme: Crc64Nvme,
}

impl Segment {
    /// The CRC-64/NVME of the plain bytes.
    pub(super) fn crc64nvme(&self) -> Option<Crc64Nvme> {
        match &self.encryption {
            Some(encryption) => Some(encryption.crc64nvme),
            None => crc_of_blocks(self.size, &self.checksums),
        }
    }
}

/// Creates a body without segments.
pub(super) fn new_body(write: &Write<'_>) -> StoreResult<i64> {
    // SQLite creates a table for `RETURNING` each time. Nobody else writes in between: this is a transaction.
    let id = write.prepare_cached("SELECT id FROM next_body")?.query_row((), |row| row.get(0))?;
    write.prepare_cached("UPDATE next_body SET id = id + 1")?.execute(())?;
    Ok(id)
}

/// Creates a body with one segment, its part 1.
pub(super) fn new_body_of(write: &Write<'_>, segment: &Segment) -> StoreResult<i64> {
    let body = new_body(write)?;
    put_segment(write, segment_id(body, 1), segment)?;
    Ok(body)
}

/// The part number of a segment.
pub(super) fn part_number_of(id: i64) -> u16 {
    u16::try_from(id & 0xffff).unwrap_or_default()
}

/// The ids of the segments that a body can have.
pub(super) fn segments_of(body: i64) -> Range<i64> {
    segment_id(body, 0)..segment_id(body + 1, 0)
}

/// In SQL, the id of the segment of a body that is its part 1.
macro_rules! first_segment {
    ($body:literal) => {
        concat!("(", $body, " << 16 | 1)")
    };
}
pub(super) use first_segment;

/// The id of a segment.
pub(super) fn segment_id(body: i64, part_number: u16) -> i64 {
    body << 16 | i64::from(part_number)
}

/// Adds a segment to a body.
pub(super) fn put_segment(write: &Write<'_>, id: i64, segment: &Segment) -> StoreResult<()> {
    let (blob, bytes) = match &segment.content {
        Content::Blob(name) => (Some(name.as_str()), None),
        Content::Inline(bytes) => (None, Some(&bytes[..])),
    };
    write
        .prepare_cached(
            "INSERT INTO segments (id, size, md5, checksums, blob, bytes, salt) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute((
            id,
            segment.size,
            segment.md5.as_bytes(),
            &segment.checksums,
            blob,
            bytes,
            segment.encryption.as_ref().map(|encryption| encryption.salt),
        ))?;
    Ok(())
}

/// Stores the CRC-64/NVME of an encrypted segment's plain text, which cannot be derived from its blocks.
pub(super) fn set_plain_crc(write: &Write<'_>, id: i64, segment: &Segment) -> StoreResult<()> {
    if let Some(encryption) = &segment.encryption {
        write
            .prepare_cached("UPDATE segments SET plain_crc64nvme = ?2 WHERE id = ?1")?
            .execute((id, encryption.crc64nvme.checksum().as_bytes()))?;
    }
    Ok(())
}

/// Stores the upload time of a segment that is a part, and its additional checksum.
pub(super) fn set_uploaded(write: &Write<'_>, id: i64, checksum: Option<Checksum>) -> StoreResult<()> {
    let checksum = checksum.map(|checksum| ObjectChecksum::from(checksum).to_string());
    write.prepare_cached("UPDATE segments SET uploaded = ?2, checksum = ?3 WHERE id = ?1")?.execute((
        id,
        to_millis(write.now),
        checksum,
    ))?;
    Ok(())
}

/// Deletes the checksums of the plain text of a body's parts, once the object is complete.
pub(super) fn forget_plain_crcs(write: &Write<'_>, ids: Range<i64>) -> StoreResult<()> {
    write
        .prepare_cached(
            "UPDATE segments SET plain_crc64nvme = NULL, checksum = NULL \
             WHERE id >= ?1 AND id < ?2 AND salt IS NOT NULL",
        )?
        .execute((ids.start, ids.end))?;
    Ok(())
}

/// The columns that [`read_crc`] reads, after the size. The checksums of the blocks are only read if the
/// parameter says that they are needed: there are many of them.
macro_rules! crc_columns {
    ($are_needed:literal) => {
        concat!("CASE WHEN ", $are_needed, " THEN checksums END, salt IS NOT NULL, plain_crc64nvme")
    };
}
pub(super) use crc_columns;

/// Reads the CRC-64/NVME of a segment from its size and `crc_columns!` from `first` on. `None` for a segment
/// that was written before version 3, unless it was scrubbed.
pub(super) fn read_crc(row: &Row<'_>, size: usize, first: usize) -> StoreResult<Option<Crc64Nvme>> {
    let size: u64 = row.get(size)?;
    let bytes = |column| row.get_ref(column)?.as_blob_or_null().map_err(rusqlite::Error::from);
    if row.get(first + 1)? {
        let plain = bytes(first + 2)?.and_then(|crc| Checksum::from_bytes(ChecksumAlgorithm::Crc64Nvme, crc));
        return Ok(plain.and_then(|crc| Crc64Nvme::from_checksum(crc, size)));
    }
    Ok(bytes(first)?.and_then(|checksums| crc_of_blocks(size, checksums)))
}

/// The place of a segment.
#[derive(Debug)]
pub(super) struct SegmentPlace {
    pub(super) part_number: u16,
    /// Range in the body.
    pub(super) range: ServedRange,
    /// The file with the bytes.
    pub(super) blob: Option<String>,
}

/// Returns the places of the segments of a body, in order.
pub(super) fn places_of(connection: &Connection, body: i64) -> StoreResult<Vec<SegmentPlace>> {
    let ids = segments_of(body);
    let mut statement = connection
        .prepare_cached("SELECT id, size, blob FROM segments WHERE id >= ?1 AND id < ?2 ORDER BY id")?;
    let mut offset = 0;
    let places = statement.query_map((ids.start, ids.end), |row| {
        let range = ServedRange { offset, length: row.get(1)? };
        offset += range.length;
        Ok(SegmentPlace { part_number: part_number_of(row.get(0)?), range, blob: row.get(2)? })
    })?;
    Ok(places.collect::<rusqlite::Result<_>>()?)
}

/// Adds checksums to a segment that has none, unless it is in another file now.
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

/// Removes segments. Their files are removed once the transaction is committed.
pub(super) fn remove_segments(write: &Write<'_>, ids: Range<i64>) -> StoreResult<()> {
    if !is_mutated(Mutation::GarbageForgotten) {
        write
            .prepare_cached(
                "INSERT INTO garbage (blob) SELECT blob FROM segments WHERE id >= ?1 AND id < ?2 AND blob IS NOT NULL",
            )?
            .execute((ids.start, ids.end))?;
    }
    write.prepare_cached("DELETE FROM segments WHERE id >= ?1 AND id < ?2")?.execute((ids.start, ids.end))?;
    Ok(())
}

/// Removes all segments of a body.
pub(super) fn remove_body(write: &Write<'_>, body: i64) -> StoreResult<()> {
    remove_segments(write, segments_of(body))
}

/// Copies a body. `blobs` are the names of the copies of its files, in order.
pub(super) fn copy_body(write: &Write<'_>, body: i64, blobs: &[String]) -> StoreResult<i64> {
    let copy = new_body(write)?;
    let (from, to) = (segments_of(body), segments_of(copy));
    write
        .prepare_cached(
            "INSERT INTO segments (id, size, md5, checksums, blob, bytes, salt) \
             SELECT id + ?3, size, md5, checksums, NULL, bytes, salt FROM segments WHERE id >= ?1 AND id < ?2 AND blob IS NULL",
        )?
        .execute((from.start, from.end, to.start - from.start))?;
    let mut statement = write.prepare_cached(
        "SELECT id, size, md5, checksums, salt FROM segments \
             WHERE id >= ?1 AND id < ?2 AND blob IS NOT NULL ORDER BY id",
    )?;
    let mut insert = write.prepare_cached(
        "INSERT INTO segments (id, size, md5, checksums, blob, salt) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let mut rows = statement.query((from.start, from.end))?;
    let mut blobs = blobs.iter();
    while let (Some(row), Some(blob)) = (rows.next()?, blobs.next()) {
        let (id, size): (i64, u64) = (row.get(0)?, row.get(1)?);
        let (md5, checksums): (Vec<u8>, Option<Vec<u8>>) = (row.get(2)?, row.get(3)?);
        let salt: Option<SegmentSalt> = row.get(4)?;
        insert.execute((id - from.start + to.start, size, md5, checksums, blob, salt))?;
    }
    Ok(copy)
}
