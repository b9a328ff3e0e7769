//! How objects are stored.

use serde::{Deserialize, Serialize};

/// How R2 stores an object, and what it costs.
///
/// See [storage classes](https://developers.cloudflare.com/r2/buckets/storage-classes/).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum StorageClass {
    /// `Standard`.
    #[default]
    Standard,
    /// `InfrequentAccess`: cheaper to keep, dearer to read, billed for 30 days at least.
    InfrequentAccess,
}

impl StorageClass {
    /// The name in the binding: `Standard`, `InfrequentAccess`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "Standard",
            Self::InfrequentAccess => "InfrequentAccess",
        }
    }

    /// The name in the S3 API: `STANDARD`, `STANDARD_IA`.
    pub fn as_s3(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::InfrequentAccess => "STANDARD_IA",
        }
    }

    /// Reads the S3 API's name.
    pub fn from_s3(name: &str) -> Option<Self> {
        match name {
            "STANDARD" => Some(Self::Standard),
            "STANDARD_IA" => Some(Self::InfrequentAccess),
            _ => None,
        }
    }
}
