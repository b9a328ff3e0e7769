//! Access scopes of keys.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::s3_action::S3Action;
use crate::error::{Error, Result};

/// The permissions of a key: those of an
/// [R2 API token](https://developers.cloudflare.com/r2/api/tokens/#permissions), and the scope of temporary
/// credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccessScope {
    /// Can read and list objects.
    ObjectReadOnly,
    /// Can read, write, list and delete objects.
    ObjectReadWrite,
    /// Can read and list objects, and read the configuration of buckets.
    AdminReadOnly,
    /// Can do everything, including creating, configuring and deleting buckets.
    AdminReadWrite,
}

impl AccessScope {
    /// All scopes.
    pub const ALL: [Self; 4] =
        [Self::ObjectReadOnly, Self::ObjectReadWrite, Self::AdminReadOnly, Self::AdminReadWrite];

    /// The scope's name in Cloudflare's API and in a session token, such as `object-read-only`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ObjectReadOnly => "object-read-only",
            Self::ObjectReadWrite => "object-read-write",
            Self::AdminReadOnly => "admin-read-only",
            Self::AdminReadWrite => "admin-read-write",
        }
    }

    /// Whether the scope includes the configuration of buckets.
    pub fn is_admin(self) -> bool {
        matches!(self, Self::AdminReadOnly | Self::AdminReadWrite)
    }

    /// Whether the scope allows changes.
    pub fn can_write(self) -> bool {
        matches!(self, Self::ObjectReadWrite | Self::AdminReadWrite)
    }

    /// Whether the scope allows an action on objects.
    pub fn allows(self, action: S3Action) -> bool {
        self.can_write() || action.only_reads()
    }
}

impl fmt::Display for AccessScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for AccessScope {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or_else(|| {
            Error::invalid_input(format!(
                "{text:?} is not a scope: use object-read-only, object-read-write, admin-read-only or admin-read-write"
            ))
        })
    }
}
