//! A table of keys and values, which is the least that SQLite does for any of this.

use std::path::{Path, PathBuf};
use std::time::Instant;

use rusqlite::{Connection, OptionalExtension as _};

use crate::measured::Measured;
use crate::{BODY, ROUNDS, Result, bytes_of, key, new_keys, some_of};

pub(crate) const NAME: &str = "sqlite";

const PUT: &str = "INSERT INTO objects VALUES (?1, ?2)";

pub(crate) struct Sqlite {
    folder: PathBuf,
    connection: Connection,
    filled: usize,
    others: usize,
}

impl Sqlite {
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let connection = Connection::open(folder.join("bench.sqlite3"))?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE objects (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;",
        )?;
        Ok(Self { folder: folder.to_owned(), connection, filled: 0, others: 0 })
    }

    pub(crate) fn fill(&mut self, keys: usize) -> Result<()> {
        while self.filled < keys {
            let end = keys.min(self.filled + 10_000);
            let transaction = self.connection.transaction()?;
            for number in self.filled..end {
                transaction.prepare_cached(PUT)?.execute((key(number), BODY))?;
            }
            transaction.commit()?;
            self.filled = end;
        }
        Ok(())
    }

    pub(crate) fn measure(&mut self, keys: usize, times: &mut Measured) -> Result<()> {
        let connection = &self.connection;
        for round in 0..ROUNDS {
            let begun = Instant::now();
            for number in some_of(keys, 1000, round) {
                let mut get = connection.prepare_cached("SELECT value FROM objects WHERE key = ?1")?;
                let found: Option<Vec<u8>> = get.query_row((key(number),), |row| row.get(0)).optional()?;
                if found.as_deref() != Some(BODY) {
                    return Err(format!("{:?} is not what was put", key(number)).into());
                }
            }
            times.add_time((NAME, "get"), keys, begun, 1000);

            let new = new_keys(&mut self.others);
            let begun = Instant::now();
            for key in &new {
                connection.prepare_cached(PUT)?.execute((key, BODY))?;
            }
            times.add_time((NAME, "put"), keys, begun, new.len());
            let begun = Instant::now();
            for key in &new {
                connection.prepare_cached("DELETE FROM objects WHERE key = ?1")?.execute((key,))?;
            }
            times.add_time((NAME, "delete"), keys, begun, new.len());

            let begun = Instant::now();
            for number in some_of(keys, 20, round) {
                let mut page = connection
                    .prepare_cached("SELECT key FROM objects WHERE key > ?1 ORDER BY key LIMIT 1000")?;
                page.query_map((key(number),), |row| row.get(0))?
                    .collect::<rusqlite::Result<Vec<String>>>()?;
            }
            times.add_time((NAME, "page of 1,000"), keys, begun, 20);
        }
        Ok(())
    }

    pub(crate) fn bytes(&self) -> Result<u64> {
        bytes_of(&self.folder)
    }
}
