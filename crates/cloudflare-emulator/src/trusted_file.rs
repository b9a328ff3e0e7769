//! Files with secrets. Anyone else who can write one knows or chooses the secret.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// Maximum size of a file, in bytes. 10,000 keys are smaller.
const MAX_SIZE: u64 = 4 * 1024 * 1024;

/// Reads a file that no other user can write.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_checked(path, |_| {})
}

/// Like [`read`], but warns if others can read the file: a copy of a data directory may have lost the mode.
/// The mode is not changed, since others may be allowed to read it.
pub(crate) fn read_secret(path: &Path) -> io::Result<Vec<u8>> {
    read_checked(path, |metadata| {
        if is_for_others(metadata) {
            tracing::warn!("other users can read {0}: run `chmod 600 {0}`", path.display());
        }
    })
}

fn read_checked(path: &Path, check: impl FnOnce(&fs::Metadata)) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        // Reading a pipe could block forever.
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
            "it belongs to another user (uid {owner}), who may know the secret: change its owner if its content is right, or remove it"
        ));
    }
    if metadata.mode() & 0o022 != 0 {
        return refused(
            "other users can write it: run `chmod 600` on it if its content is right, or remove it"
                .to_owned(),
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
