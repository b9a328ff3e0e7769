//! The credentials of a server: its first access key, which has all permissions.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use cloudflare_clients::{Error, ErrorKind, Result, sigv4};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::trusted_file;

const FILE_NAME: &str = "credentials.json";

/// Credentials of a local server, in the formats of R2: an account id and an access key id of 32 hex
/// characters, and a secret access key of 64. The API token of KV is derived from the secret, unless it is
/// given.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    account_id: String,
    access_key_id: String,
    secret_access_key: String,
    /// The API token, if it is not derived from the secret.
    #[serde(skip)]
    api_token: Option<String>,
}

impl Credentials {
    /// Creates credentials with known values, for tests. Anyone who can read them has all permissions. They
    /// are not stored.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`]: the account id or access key id does not have 32 hex characters, or the
    /// secret does not have 64. The error names the value, but does not quote it.
    pub fn new(
        account_id: impl Into<String>,
        access_key_id: impl Into<String>,
        secret_access_key: impl Into<String>,
    ) -> Result<Self> {
        let credentials = Self {
            account_id: account_id.into(),
            access_key_id: access_key_id.into(),
            secret_access_key: secret_access_key.into(),
            api_token: None,
        };
        match credentials.malformed() {
            Some(what) => Err(Error::new(ErrorKind::InvalidInput, what)),
            None => Ok(credentials),
        }
    }

    /// Sets the API token of KV, instead of the one derived from the secret.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`]: the token does not have 20 to 128 letters, digits, `-` and `_`.
    pub fn with_api_token(mut self, token: impl Into<String>) -> Result<Self> {
        self.api_token = Some(token.into());
        match self.malformed() {
            Some(what) => Err(Error::new(ErrorKind::InvalidInput, what)),
            None => Ok(self),
        }
    }

    /// Generates random credentials. They are not stored.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`]: the system provides no random numbers.
    pub fn generate() -> Result<Self> {
        Ok(Self {
            account_id: random_hex::<16>()?,
            access_key_id: random_hex::<16>()?,
            secret_access_key: random_hex::<32>()?,
            api_token: None,
        })
    }

    /// Reads the credentials from `credentials.json` in a data directory, or creates the file with random
    /// ones. It gets mode 600 on Unix, is never overwritten, and is complete even if several processes start
    /// concurrently. A file that other users can read is used with a warning.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`]: the directory or file cannot be read or created, or the file was not written
    /// by this. On Unix, also if the file belongs to a user other than that of this process or root, or if
    /// others can write it: they may know the secret.
    pub fn load_or_create(directory: &Path) -> Result<Self> {
        let path = directory.join(FILE_NAME);
        let failed = |what: &str, error: io::Error| {
            Error::new(ErrorKind::Storage, format!("{} {what}: {error}", path.display())).with_source(error)
        };
        match trusted_file::read_secret(&path) {
            Ok(content) => return Self::parse(&path, &content),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("cannot be used", error)),
        }
        let credentials = Self::generate()?;
        match credentials.create(directory, &path) {
            Ok(()) => Ok(credentials),
            // Another process has created it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let content =
                    trusted_file::read_secret(&path).map_err(|error| failed("cannot be used", error))?;
                Self::parse(&path, &content)
            }
            Err(error) => Err(failed("cannot be written", error)),
        }
    }

    /// Writes a temporary file and links it to `path`: the file is never partial, and never replaces another.
    fn create(&self, directory: &Path, path: &Path) -> io::Result<()> {
        fs::create_dir_all(directory)?;
        // Readable only by the owner, from the start.
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path).map_err(|error| error.error)?;
        Ok(())
    }

    fn parse(path: &Path, content: &[u8]) -> Result<Self> {
        let unusable = || {
            Error::new(
                ErrorKind::Storage,
                format!(
                    "{} does not hold an account id and access key id of 32 hex characters and a secret of 64: \
                     repair it, or delete it to generate new credentials",
                    path.display()
                ),
            )
        };
        // The message of the parser could quote the secret.
        let credentials: Self = serde_json::from_slice(content).map_err(|_| unusable())?;
        if credentials.malformed().is_some() { Err(unusable()) } else { Ok(credentials) }
    }

    /// Returns what is not in R2's format, without quoting it.
    fn malformed(&self) -> Option<&'static str> {
        let is_token = |text: &str| {
            (20..=128).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        if !is_hex(&self.account_id, 32) {
            Some("the account id must have 32 hex characters")
        } else if !is_hex(&self.access_key_id, 32) {
            Some("the access key id must have 32 hex characters")
        } else if !is_hex(&self.secret_access_key, 64) {
            Some("the secret access key must have 64 hex characters")
        } else if !self.api_token.as_deref().is_none_or(is_token) {
            Some("the API token must have 20 to 128 letters, digits, - and _")
        } else {
            None
        }
    }

    /// Returns the account id, 32 hex characters. A local server has one account.
    pub fn account_id(&self) -> &str {
        &self.account_id
    }

    /// Returns the access key id, 32 hex characters. Every presigned URL contains it.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// Returns the secret access key, 64 hex characters.
    pub fn secret_access_key(&self) -> &str {
        &self.secret_access_key
    }

    /// Returns the token for [Workers KV's REST API](https://developers.cloudflare.com/api/resources/kv/): 40
    /// hex characters derived from the secret, or the token of [`with_api_token`](Self::with_api_token).
    pub fn api_token(&self) -> String {
        if let Some(token) = &self.api_token {
            return token.clone();
        }
        let hash = Sha256::digest(format!("the API token of {}", self.secret_access_key));
        hex::encode(&hash[..20])
    }

    /// Returns the credentials for signing and verifying.
    pub fn signing(&self) -> sigv4::Credentials {
        sigv4::Credentials::new(&self.access_key_id, &self.secret_access_key)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("account_id", &self.account_id)
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

/// Whether the text has this number of hex characters, and no others.
pub(crate) fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

pub(crate) fn random_hex<const BYTES: usize>() -> Result<String> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::new(ErrorKind::Storage, format!("the system provides no random numbers: {error}"))
    })?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_for_the_owner_only_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("data");
        let made = Credentials::load_or_create(&directory).unwrap();
        let loaded = Credentials::load_or_create(&directory).unwrap();
        assert_eq!(made.access_key_id().len(), 32);
        assert_eq!(made.secret_access_key(), loaded.secret_access_key());
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(directory.join(FILE_NAME)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert!(!format!("{made:?}").contains(made.secret_access_key()));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_of_somebody_else_is_refused() {
        use std::os::unix::fs::{PermissionsExt as _, chown};

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        let made = Credentials::load_or_create(folder.path()).unwrap();
        let refusal =
            || Credentials::load_or_create(folder.path()).map_err(|error| error.message().to_owned());
        for mode in [0o620, 0o602, 0o666] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let refused = refusal().unwrap_err();
            assert!(refused.contains("other users can write it"), "{refused}");
        }
        for mode in [0o600, 0o640, 0o400] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(refusal().unwrap().secret_access_key(), made.secret_access_key());
        }
        // Only root can give a file away.
        if rustix::process::geteuid().is_root() {
            chown(&path, Some(12345), None).unwrap();
            let refused = refusal().unwrap_err();
            assert!(refused.contains("belongs to another user (uid 12345)"), "{refused}");
        }
    }

    #[test]
    fn given_ones_are_of_r2s_forms() {
        let (id, secret, token) = ("0a".repeat(16), "0b".repeat(32), "t".repeat(40));
        let given = Credentials::new(&id, &id, &secret).unwrap();
        assert_eq!(given.api_token().len(), 40);
        let other = given.clone().with_api_token(&token).unwrap();
        assert_eq!(other.api_token(), token);
        for text in [format!("{given:?}"), format!("{other:?}")] {
            assert!(!text.contains(&secret) && !text.contains(&token), "{text}");
        }
        for (account, key, secret, named) in [
            ("", &id, &secret, "account id"),
            (&id, &"minioadmin".to_owned(), &secret, "access key id"),
            (&id, &id, &id, "secret access key"),
        ] {
            let error = Credentials::new(account, key, secret).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.message().contains(named), "{error}");
        }
        for wrong in ["", "short", &"x y".repeat(10), &"é".repeat(30), &"x".repeat(129)] {
            let error = given.clone().with_api_token(wrong).unwrap_err();
            assert!(
                error.message().contains("API token") && !format!("{error:?}").contains("x y"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_damaged_file_is_an_error_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        for content in ["", "{}", r#"{"account_id":"x","access_key_id":"y","secret_access_key":"zzz"}"#] {
            fs::write(&path, content).unwrap();
            let error = Credentials::load_or_create(folder.path()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Storage);
            assert!(!format!("{error} {error:?}").contains("zzz"));
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let error = Credentials::load_or_create(folder.path()).unwrap_err();
        assert!(error.message().contains("not a regular file"), "{error}");
    }
}
