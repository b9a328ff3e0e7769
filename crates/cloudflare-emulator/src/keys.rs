//! Additional permanent keys of a data directory.

use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use cloudflare_clients::r2::AccessScope;
use cloudflare_clients::s3::endpoint::validate_bucket_name;
use cloudflare_clients::{Error, ErrorKind, Result, sigv4};
use serde::{Deserialize, Serialize};

use crate::credentials::{is_hex, random_hex};
use crate::trusted_file;

const FILE_NAME: &str = "keys.json";

/// A permanent access key of a local server with a scope, like that of an [R2 API
/// token](https://developers.cloudflare.com/r2/api/tokens/). Created by [`Keys`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "that is what everybody calls it")]
pub struct Key {
    access_key_id: String,
    secret_access_key: String,
    scope: AccessScope,
    /// `None` means all buckets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    buckets: Option<Vec<String>>,
    /// `None` if an older version created it, which did not store the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created: Option<SystemTime>,
}

impl Key {
    /// Returns the access key id, 32 hex characters.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// Returns the secret access key, 64 hex characters.
    pub fn secret_access_key(&self) -> &str {
        &self.secret_access_key
    }

    /// Returns the permissions of the key.
    pub fn scope(&self) -> AccessScope {
        self.scope
    }

    /// Returns the buckets that the key has access to, or `None` for all.
    pub fn buckets(&self) -> Option<&[String]> {
        self.buckets.as_deref()
    }

    /// Returns when the key was created, by the clock of the system, or `None` if an older version created
    /// it.
    pub fn created(&self) -> Option<SystemTime> {
        self.created
    }

    /// Returns the credentials for signing and verifying.
    pub fn signing(&self) -> sigv4::Credentials {
        sigv4::Credentials::new(&self.access_key_id, &self.secret_access_key)
    }

    fn is_well_formed(&self) -> bool {
        is_hex(&self.access_key_id, 32) && is_hex(&self.secret_access_key, 64)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("access_key_id", &self.access_key_id)
            .field("scope", &self.scope)
            .field("buckets", &self.buckets)
            .finish_non_exhaustive()
    }
}

/// The access keys in `keys.json` of a data directory. The file has mode 600 on Unix, and is replaced as a
/// whole, so it is never partial. A server [with these keys](crate::Server::with_keys) applies changes by any
/// process at its next request.
#[derive(Debug, Clone)]
pub struct Keys {
    path: PathBuf,
    seen: Arc<Mutex<Seen>>,
}

/// The keys as last read.
#[derive(Debug, Default)]
struct Seen {
    stamp: Option<Stamp>,
    keys: Vec<Key>,
    /// The file that could not be read, which is logged once.
    failed: Option<Stamp>,
}

/// Identifies a version of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    length: u64,
    modified: Option<SystemTime>,
    /// Time of the last change of its owner or mode, in nanoseconds.
    changed: (i64, i64),
}

impl Keys {
    /// Returns the keys of a data directory. Does not read or write the file yet; if it is missing, there are
    /// no keys.
    pub fn in_directory(directory: impl AsRef<Path>) -> Self {
        Self { path: directory.as_ref().join(FILE_NAME), seen: Arc::default() }
    }

    /// Lists all keys in the order in which they were added.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`]: the file cannot be read, was not written by this, or may be known to others,
    /// as for [`Credentials::load_or_create`](crate::Credentials::load_or_create).
    pub fn list(&self) -> Result<Vec<Key>> {
        let content = match trusted_file::read_secret(&self.path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed("cannot be used", error)),
        };
        // The message of the parser could quote a secret.
        let keys: Option<Vec<Key>> = serde_json::from_slice(&content).ok();
        keys.filter(|keys| keys.iter().all(Key::is_well_formed)).ok_or_else(|| {
            let message = format!(
                "{} does not hold keys as `cfstore keys add` writes them: repair it, or delete it and add the keys again",
                self.path.display()
            );
            Error::new(ErrorKind::Storage, message)
        })
    }

    /// Adds a random key for these buckets, or for all with `None`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`]: the name of a bucket is invalid, the list is empty, or buckets are given
    /// with an admin scope, which in R2 applies to all buckets. [`ErrorKind::Storage`]: the file cannot be
    /// written, or the errors of [`list`](Self::list).
    pub fn add(&self, scope: AccessScope, buckets: Option<Vec<String>>) -> Result<Key> {
        if let Some(buckets) = &buckets {
            buckets.iter().try_for_each(|name| validate_bucket_name(name))?;
            if buckets.is_empty() {
                return Err(Error::new(
                    ErrorKind::InvalidInput,
                    "the list of buckets is empty: name a bucket, or leave the list out for all buckets",
                ));
            }
            if scope.is_admin() {
                return Err(Error::new(
                    ErrorKind::InvalidInput,
                    format!(
                        "a key with scope {scope} is for all buckets, as in R2: leave the buckets out, or use an object scope"
                    ),
                ));
            }
        }
        let key = Key {
            access_key_id: random_hex::<16>()?,
            secret_access_key: random_hex::<32>()?,
            scope,
            buckets,
            created: Some(SystemTime::now()),
        };
        self.change(|keys| {
            keys.push(key.clone());
            true
        })?;
        Ok(key)
    }

    /// Removes a key, and returns whether it existed. URLs that it signed, and temporary credentials derived
    /// from it, stop working.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`]: the file cannot be written, or the errors of [`list`](Self::list).
    pub fn remove(&self, access_key_id: &str) -> Result<bool> {
        self.change(|keys| {
            let before = keys.len();
            keys.retain(|key| key.access_key_id != access_key_id);
            keys.len() < before
        })
    }

    /// Returns the key with this id, from the current file.
    pub(crate) fn find(&self, access_key_id: &str) -> Option<Key> {
        let stamp = fs::metadata(&self.path).ok().map(|metadata| Stamp::of(&metadata));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.stamp != stamp {
            match self.list() {
                Ok(keys) => *seen = Seen { stamp, keys, failed: None },
                // An unreadable file grants nothing. It is read again, as a repair may not change its times.
                Err(error) => {
                    if seen.failed != stamp {
                        tracing::error!(%error, "cannot use the access keys");
                    }
                    *seen = Seen { stamp: None, keys: Vec::new(), failed: stamp };
                }
            }
        }
        seen.keys.iter().find(|key| key.access_key_id == access_key_id).cloned()
    }

    /// Changes the file atomically, and returns the result of the change. If it is `false`, nothing is
    /// written.
    fn change(&self, change: impl FnOnce(&mut Vec<Key>) -> bool) -> Result<bool> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        let failed = |error| self.failed("cannot be written", error);
        fs::create_dir_all(directory).map_err(failed)?;
        let _turn = turn(directory).map_err(failed)?;
        let mut keys = self.list()?;
        let changed = change(&mut keys);
        if changed {
            self.write(directory, &keys).map_err(failed)?;
        }
        Ok(changed)
    }

    fn write(&self, directory: &Path, keys: &[Key]) -> io::Result<()> {
        // Readable only by the owner, from the start.
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        serde_json::to_writer_pretty(&mut file, keys)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }

    fn failed(&self, what: &str, error: io::Error) -> Error {
        let message = format!("{} {what}: {error}", self.path.display());
        Error::new(ErrorKind::Storage, message).with_source(error)
    }
}

/// Locks the keys of a directory against changes by other processes, until the returned value is dropped.
#[cfg(unix)]
fn turn(directory: &Path) -> io::Result<File> {
    let directory = File::open(directory)?;
    directory.lock()?;
    Ok(directory)
}

/// Directories cannot be locked on this system: concurrent changes may lose a key.
#[cfg(not(unix))]
fn turn(_: &Path) -> io::Result<Option<File>> {
    Ok(None)
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let (inode, changed) = {
            use std::os::unix::fs::MetadataExt as _;
            (metadata.ino(), (metadata.ctime(), metadata.ctime_nsec()))
        };
        #[cfg(not(unix))]
        let (inode, changed) = (0, (0, 0));
        Self { inode, length: metadata.len(), modified: metadata.modified().ok(), changed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_file_whose_mode_is_mended_is_read_again() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::in_directory(folder.path());
        let key = keys.add(AccessScope::ObjectReadOnly, None).unwrap();
        let found = |mode| {
            fs::set_permissions(folder.path().join(FILE_NAME), fs::Permissions::from_mode(mode)).unwrap();
            keys.find(key.access_key_id()).is_some()
        };
        assert!(found(0o600));
        assert!(!found(0o666));
        assert!(found(0o600));
    }

    #[test]
    fn another_process_sees_what_is_added_and_removed_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (Keys::in_directory(folder.path()), Keys::in_directory(folder.path()));
        assert!(ours.list().unwrap().is_empty() && fs::read_dir(folder.path()).unwrap().next().is_none());
        let media = Some(vec!["media".to_owned()]);
        let one = theirs.add(AccessScope::ObjectReadOnly, media.clone()).unwrap();
        let found = ours.find(one.access_key_id()).unwrap();
        assert_eq!((found.secret_access_key(), found.scope()), (one.secret_access_key(), one.scope()));
        assert_eq!(found.buckets(), media.as_deref());
        let two = theirs.add(AccessScope::AdminReadWrite, None).unwrap();
        assert!(ours.find(two.access_key_id()).is_some());
        assert!(theirs.remove(one.access_key_id()).unwrap());
        assert!(ours.find(one.access_key_id()).is_none() && ours.find(two.access_key_id()).is_some());
        assert!(!theirs.remove(one.access_key_id()).unwrap());
        fs::remove_file(folder.path().join(FILE_NAME)).unwrap();
        assert!(ours.find(two.access_key_id()).is_none());
        assert!(!format!("{two:?} {ours:?}").contains(two.secret_access_key()));
    }

    #[test]
    fn many_at_once_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..4 {
                        Keys::in_directory(folder.path()).add(AccessScope::ObjectReadWrite, None).unwrap();
                    }
                });
            }
        });
        assert_eq!(Keys::in_directory(folder.path()).list().unwrap().len(), 32);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_opens_nothing_or_cannot_be_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::in_directory(folder.path());
        for (scope, buckets, says) in [
            (AccessScope::ObjectReadOnly, vec![], "leave the list out for all"),
            (AccessScope::ObjectReadOnly, vec!["Media".to_owned()], "is not a bucket name"),
            (AccessScope::AdminReadOnly, vec!["media".to_owned()], "leave the buckets out"),
        ] {
            let error = keys.add(scope, Some(buckets)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.message().contains(says), "{error}");
        }
        assert!(keys.list().unwrap().is_empty());
    }

    #[test]
    fn a_damaged_file_opens_nothing_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (keys, path) = (Keys::in_directory(folder.path()), folder.path().join(FILE_NAME));
        let key = keys.add(AccessScope::ObjectReadOnly, None).unwrap();
        let good = fs::read_to_string(&path).unwrap();
        for content in
            ["", "{}", &good.replace("object-read-only", "everything"), &good.replace("scope", "scop")]
        {
            fs::write(&path, content).unwrap();
            assert!(keys.find(key.access_key_id()).is_none(), "{content}");
            let error = keys.add(AccessScope::ObjectReadOnly, None).unwrap_err();
            assert!(!format!("{error} {error:?}").contains(key.secret_access_key()));
            assert_eq!(fs::read_to_string(&path).unwrap(), *content);
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::write(&path, &good).unwrap();
            assert!(keys.find(key.access_key_id()).is_some());
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
            let error = keys.list().unwrap_err();
            assert!(error.message().contains("other users can write it"), "{error}");
        }
    }
}
