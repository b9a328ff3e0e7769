//! Which way bytes go from one bucket to another.

use std::sync::Arc;

use crate::r2::R2Service;

/// Which way bytes go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CopyRoute {
    /// The service copies within the bucket.
    Within,
    /// The service copies from the bucket of this name, which is in the same account.
    FromBucket(String),
    /// They come by here.
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

    /// The bucket of the source, where it is another one.
    pub(super) fn source_bucket(&self) -> Option<&str> {
        match self {
            Self::FromBucket(bucket) => Some(bucket),
            Self::Within | Self::Through => None,
        }
    }
}
