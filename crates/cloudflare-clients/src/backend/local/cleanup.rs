//! What a store does when it is opened: removes what nobody owns.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;

use super::blobs::Blobs;
use super::database::{Outcome, blocking, storage};
use super::instance::{DeadInstance, Instance};
use super::multipart;
use super::store::LocalStore;
use crate::error::Result;

/// R2 aborts multipart uploads after 7 days.
const UPLOAD_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

pub(super) async fn clean_up(store: &LocalStore) -> Result<()> {
    // Any transaction also has the files removed that earlier ones left as garbage.
    store
        .write(Vec::new(), |write| match write.now.checked_sub(UPLOAD_LIFETIME) {
            Some(before) => multipart::expire(write, before),
            None => Ok(()),
        })
        .await?;
    let blobs = Arc::clone(store.blobs());
    let (dead, unfinished) = blocking(move || {
        let dead = DeadInstance::find(&blobs.instances)?;
        if dead.is_empty() {
            return Ok((dead, Vec::new()));
        }
        remove_incoming(&blobs, &dead)?;
        let made = files_of(&blobs.folder, &dead)?;
        Ok((dead, made))
    })
    .await?;
    // An instance that is dead commits nothing any more: a file of its that has no row now never gets one.
    let unused = store
        .readers()
        .read(move |connection| {
            let mut unused = Vec::new();
            for name in unfinished {
                if !has_row(connection, &name)? {
                    unused.push(name);
                }
            }
            Ok(unused)
        })
        .await?;
    let blobs = Arc::clone(store.blobs());
    blocking(move || {
        unused.iter().try_for_each(|name| blobs.remove(name))?;
        dead.into_iter().try_for_each(DeadInstance::bury)
    })
    .await
}

fn has_row(connection: &Connection, blob: &str) -> Outcome<bool> {
    let found = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM segments WHERE blob = ?1)")?
        .query_row((blob,), |row| row.get(0))?;
    Ok(found)
}

fn remove_incoming(blobs: &Blobs, dead: &[DeadInstance]) -> Result<()> {
    for name in files_of(&blobs.incoming, dead)? {
        let path = blobs.incoming.join(name);
        blobs
            .disk
            .remove(&path)
            .map_err(|e| storage(&path, "cannot be removed", e))?;
    }
    Ok(())
}

fn files_of(folder: &Path, dead: &[DeadInstance]) -> Result<Vec<String>> {
    let failed = |e| storage(folder, "cannot be read", e);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if let Some(name) = name.to_str()
            && let Some(id) = Instance::of_file(name)
            && dead.iter().any(|instance| instance.id == id)
        {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}
