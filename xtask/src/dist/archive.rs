//! `cfstore-VERSION-TRIPLE.tar.gz`: a folder, packed so that the same files make the same bytes.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

use super::contents::Contents;
use super::release::Release;
use crate::report::Stop;

pub(super) fn write(release: &Release<'_>, contents: &Contents) -> Result<PathBuf, Stop> {
    let path = release.folder.join(format!("{}.tar.gz", contents.name));
    pack(&contents.folder, &contents.name, release.source_date_epoch, &path)
        .map_err(|error| Stop::failed(&path.display().to_string(), &error))?;
    Ok(path)
}

/// Packs a folder under a name. Order, owner, time and permissions do not depend on where it is done.
fn pack(folder: &Path, name: &str, time: u64, into: &Path) -> io::Result<()> {
    let gzip = GzBuilder::new().write(File::create(into)?, Compression::best());
    let mut archive = Builder::new(gzip);
    add_folder(&mut archive, folder, Path::new(name), time)?;
    archive.into_inner()?.finish()?.sync_all()
}

fn add_folder(
    archive: &mut Builder<impl io::Write>,
    folder: &Path,
    name: &Path,
    time: u64,
) -> io::Result<()> {
    let mut folder_header = header(EntryType::Directory, 0o755, 0, time);
    archive.append_data(&mut folder_header, name.join(""), io::empty())?;
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), name.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            add_folder(archive, &path, &name, time)?;
        } else {
            let file = File::open(&path)?;
            let mode = if is_program(&path) { 0o755 } else { 0o644 };
            let mut file_header = header(EntryType::Regular, mode, file.metadata()?.len(), time);
            archive.append_data(&mut file_header, &name, file)?;
        }
    }
    Ok(())
}

fn is_program(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "cfstore" || name == "cfstore.exe")
}

fn header(kind: EntryType, mode: u32, size: u64, time: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(time);
    header.set_uid(0);
    header.set_gid(0);
    header
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn the_same_files_make_the_same_bytes() {
        let packed = ["b/c.txt a.txt cfstore", "cfstore a.txt b/c.txt"].map(|order| {
            let folder = tempfile::tempdir().unwrap();
            let files = folder.path().join("files");
            for (age, name) in order.split(' ').enumerate() {
                let path = files.join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, name).unwrap();
                let time = SystemTime::now() - Duration::from_secs(age as u64 * 3600);
                File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
            }
            let archive = folder.path().join("archive");
            pack(&files, "cfstore-1.0.0-target", 1_700_000_000, &archive).unwrap();
            fs::read(archive).unwrap()
        });
        assert_eq!(packed[0], packed[1]);

        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(packed[0].as_slice()));
        let entries = archive.entries().unwrap().map(|entry| {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.mtime().unwrap()), (0, 1_700_000_000));
            (entry.path().unwrap().display().to_string(), header.mode().unwrap())
        });
        let expected = [("", 0o755), ("a.txt", 0o644), ("b/", 0o755), ("b/c.txt", 0o644), ("cfstore", 0o755)];
        let expected = expected.map(|(name, mode)| (format!("cfstore-1.0.0-target/{name}"), mode));
        assert_eq!(entries.collect::<Vec<_>>(), expected);
    }
}
