//! Storage classes.

use serde::{Deserialize, Serialize};

/// The storage class of an object, which decides its price.
///
/// See [storage classes](https://developers.cloudflare.com/r2/buckets/storage-classes/).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum StorageClass {
    /// `Standard`: for objects that are read often.
    #[default]
    Standard,
    /// `InfrequentAccess`: cheaper storage and more expensive reads, billed for at least 30 days.
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

    /// The class with this name in the S3 API.
    pub fn from_s3(name: &str) -> Option<Self> {
        match name {
            "STANDARD" => Some(Self::Standard),
            "STANDARD_IA" => Some(Self::InfrequentAccess),
            _ => None,
        }
    }
}
