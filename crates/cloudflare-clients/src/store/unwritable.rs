//! Distinguishes a full or read-only disk from other failures.

use std::error::Error;
use std::io;
use std::path::Path;

use rusqlite::ErrorCode;

/// Whether the cause of the error is a full disk.
pub(super) fn is_full(error: &(dyn Error + 'static)) -> bool {
    any_cause(error, |cause| {
        let by_system = cause.downcast_ref::<io::Error>().is_some_and(|error| {
            matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        });
        by_system || cause.downcast_ref::<rusqlite::Error>().is_some_and(is_full_for_sqlite)
    })
}

pub(super) fn is_full_for_sqlite(error: &rusqlite::Error) -> bool {
    let Some(error) = error.sqlite_error() else { return false };
    // The memory that connections share is a file too.
    error.code == ErrorCode::DiskFull || error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE
}

/// Adds to an error by a full disk that the disk is full: SQLite's message may not say so.
pub(super) fn name_full_disk(error: crate::error::Error, folder: &Path) -> crate::error::Error {
    if is_full(&error) {
        return error.explain(format_args!("no space left for {}", folder.display()));
    }
    error
}

/// Whether the cause of the error is that nothing (more) can be written there.
pub(super) fn is_unwritable(error: &(dyn Error + 'static)) -> bool {
    is_full(error)
        || any_cause(error, |cause| {
            let by_system = cause.downcast_ref::<io::Error>().is_some_and(|error| {
                matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)
            });
            let by_sqlite =
                cause.downcast_ref::<rusqlite::Error>().and_then(rusqlite::Error::sqlite_error_code);
            by_system || matches!(by_sqlite, Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied))
        })
}

fn any_cause(error: &(dyn Error + 'static), is_it: impl Fn(&(dyn Error + 'static)) -> bool) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if is_it(error) {
            return true;
        }
        cause = error.source();
    }
    false
}
