//! Which way the bytes of a copy take.

use std::sync::Arc;

use crate::r2::R2Service;

/// Which way the bytes of a copy take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CopyRoute {
    /// The service copies within the bucket.
    Within,
    /// The service copies from the bucket of this name, which belongs to the same account.
    FromBucket(String),
    /// The bytes pass through this process.
    Through,
}

impl CopyRoute {
    pub(super) fn between(source: &R2Service, destination: &R2Service) -> Self {
        if Arc::ptr_eq(source.bucket(), destination.bucket()) {
            return Self::Within;
        }
        match (source.bucket().address(), destination.bucket().address()) {
            (Some(from), Some(to)) if from == to => Self::Within,
            (Some(from), Some(to)) if from.account == to.account => Self::FromBucket(from.bucket),
            _ => Self::Through,
        }
    }

    /// Name of the source's bucket, if it differs from the destination's.
    pub(super) fn source_bucket(&self) -> Option<&str> {
        match self {
            Self::FromBucket(bucket) => Some(bucket),
            Self::Within | Self::Through => None,
        }
    }
}
