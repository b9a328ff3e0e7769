//! The CORS policies of buckets.

use rusqlite::Connection;

use super::database::{StoreResult, malformed};
use super::writer::Write;
use crate::model::r2::CorsPolicy;

/// Returns the CORS policy of a bucket.
pub(super) fn read(connection: &Connection, bucket: i64) -> StoreResult<Option<CorsPolicy>> {
    let json: Option<String> = connection
        .prepare_cached("SELECT cors FROM buckets WHERE id = ?1")?
        .query_row((bucket,), |row| row.get(0))?;
    let policy = json.map(|json| CorsPolicy::from_json(&json)).transpose();
    Ok(policy.map_err(|error| malformed("a CORS policy", &error))?)
}

/// Sets the CORS policy of a bucket, as JSON, or removes it.
pub(super) fn write(write: &Write<'_>, bucket: i64, json: Option<&str>) -> StoreResult<()> {
    write.prepare_cached("UPDATE buckets SET cors = ?2 WHERE id = ?1")?.execute((bucket, json))?;
    Ok(())
}
