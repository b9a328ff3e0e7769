//! `SHA256SUMS`: the checksums of all files of `target/dist`, as `sha256sum --check` reads them.

use std::fmt::Write as _;
use std::fs;
use std::io;

use sha2::{Digest as _, Sha256};

use super::release::Release;
use crate::report::Stop;

const NAME: &str = "SHA256SUMS";

pub(super) fn write(release: &Release<'_>) -> Result<(), Stop> {
    let failed = |error: io::Error| Stop::failed(&release.folder.display().to_string(), &error);
    let mut files =
        fs::read_dir(&release.folder).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(failed)?;
    files.retain(|entry| entry.path().is_file() && entry.file_name() != NAME);
    files.sort_by_key(fs::DirEntry::file_name);
    let mut lines = String::new();
    for file in files {
        let digest = hex::encode(Sha256::digest(fs::read(file.path()).map_err(failed)?));
        let name = file.file_name();
        let _ = writeln!(lines, "{digest}  {}", name.display());
    }
    fs::write(release.folder.join(NAME), lines).map_err(failed)
}
