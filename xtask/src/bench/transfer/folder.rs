//! The folder of a bench, in memory, with the files that are transferred.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::report::Stop;

/// A tmpfs. Two concurrent benches would disturb each other anyway.
const PATH: &str = "/dev/shm/cloudflare-clients-bench";

/// Size of the large file, in bytes.
pub(super) const LARGE: u64 = 1024 * 1024 * 1024;

/// Number of files in a folder of a [`Folder::tree`].
const FILES_A_FOLDER: usize = 1000;

/// The folder. It is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Result<Self, Stop> {
        let path = PathBuf::from(PATH);
        if !path.parent().is_some_and(Path::is_dir) {
            return Err(Stop::Skipped(format!("{PATH} cannot be created: this system has no /dev/shm")));
        }
        let folder = Self(path);
        remove(&folder.0)?;
        fs::create_dir(&folder.0).map_err(|error| failed(&folder.0, &error))?;
        Ok(folder)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Creates a file of [`LARGE`] random bytes.
    pub(super) fn large_file(&self) -> Result<PathBuf, Stop> {
        let path = self.path("large");
        if !path.exists() {
            let copy = || {
                let mut random = File::open("/dev/urandom")?.take(LARGE);
                io::copy(&mut random, &mut File::create(&path)?)
            };
            copy().map_err(|error| failed(&path, &error))?;
        }
        Ok(path)
    }

    /// Creates a folder with this many files of this size, in subfolders, each with different content.
    pub(super) fn tree(&self, name: &str, files: usize, size: usize) -> Result<PathBuf, Stop> {
        let path = self.path(name);
        let write = || {
            for number in 0..files {
                let folder = path.join(format!("{:03}", number / FILES_A_FOLDER));
                if number % FILES_A_FOLDER == 0 {
                    fs::create_dir_all(&folder)?;
                }
                let mut file = File::create(folder.join(format!("{number:06}.bin")))?;
                file.write_all(&number.to_le_bytes().repeat(size / size_of::<usize>()))?;
            }
            Ok(())
        };
        write().map_err(|error| failed(&path, &error))?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        remove(&self.0).ok();
    }
}

/// Removes a file or folder, if it exists.
pub(super) fn remove(path: &Path) -> Result<(), Stop> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path, &error)),
        _ => Ok(()),
    }
}

/// Fails if two files differ.
pub(super) fn check_same(one: &Path, other: &Path) -> Result<(), Stop> {
    let (mut one_file, other_file) = (open(one)?, open(other)?);
    let (mut one_bytes, mut other_bytes) = (vec![0; 1 << 20], Vec::with_capacity(1 << 20));
    loop {
        let length = one_file.read(&mut one_bytes).map_err(|error| failed(one, &error))?;
        other_bytes.clear();
        let mut rest = (&other_file).take(length.max(1) as u64);
        rest.read_to_end(&mut other_bytes).map_err(|error| failed(other, &error))?;
        if one_bytes[..length] != other_bytes {
            return Err(Stop::Failed(format!("{} differs from {}", other.display(), one.display())));
        }
        if length == 0 {
            return Ok(());
        }
    }
}

fn open(path: &Path) -> Result<File, Stop> {
    File::open(path).map_err(|error| failed(path, &error))
}

fn failed(path: &Path, error: &io::Error) -> Stop {
    Stop::failed(&path.display().to_string(), error)
}
