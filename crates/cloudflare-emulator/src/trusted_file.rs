//! Files that decide whom clients trust: whoever else can write one knows, or chooses, the secret.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// 10,000 keys have less.
const MAX_SIZE: u64 = 4 * 1024 * 1024;

/// Reads a file that nobody else can have written.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_checked(path, |_| {})
}

/// As [`read`], of a secret. A copy of a data directory may have lost the mode. It is the owner's to mend:
/// others may be meant to read it.
pub(crate) fn read_secret(path: &Path) -> io::Result<Vec<u8>> {
    read_checked(path, |metadata| {
        if is_for_others(metadata) {
            tracing::warn!("{0} can be read by other users: chmod 600 {0}", path.display());
        }
    })
}

fn read_checked(path: &Path, check: impl FnOnce(&fs::Metadata)) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        // A pipe would be waited for without an end.
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file: remove it"));
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    check_owner(&metadata)?;
    check(&metadata);
    if metadata.len() > MAX_SIZE {
        let why = format!("it is larger than {MAX_SIZE} bytes: remove it");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    let mut content = Vec::new();
    file.take(MAX_SIZE).read_to_end(&mut content)?;
    Ok(content)
}

#[cfg(unix)]
fn check_owner(metadata: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;

    let owner = metadata.uid();
    let refused = |why: String| Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    if owner != rustix::process::geteuid().as_raw() && owner != 0 {
        return refused(format!(
            "it belongs to another user (uid {owner}), who would know the secret: make it this user's again if that is right, or remove it"
        ));
    }
    if metadata.mode() & 0o022 != 0 {
        return refused(
            "other users can write it: chmod 600 it if its content is right, or remove it".to_owned(),
        );
    }
    Ok(())
}

#[cfg(unix)]
fn is_for_others(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    metadata.mode() & 0o055 != 0
}

#[cfg(not(unix))]
fn check_owner(_: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn is_for_others(_: &fs::Metadata) -> bool {
    false
}
