//! Requests about the buckets of an account, and what is known of a bucket.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::bucket_name::validate_bucket_name;
use super::limits::validate_page_size;
use super::location_hint::LocationHint;
use super::storage_class::StorageClass;
use crate::error::Result;

/// What is known of a bucket. R2 says its name and, in a list, when it was created; the embedded store says
/// all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BucketInfo {
    /// The name.
    pub name: String,
    /// When it was created.
    #[serde(default, with = "crate::time::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub created: Option<SystemTime>,
    /// The region that requests about it are signed for: R2's is `auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Where it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<LocationHint>,
    /// How objects are stored that do not say it themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<StorageClass>,
}

impl BucketInfo {
    /// A bucket of which no more than the name is known.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), created: None, region: None, location: None, storage_class: None }
    }
}

/// A bucket to create, for [`Account::create`](crate::r2::Account::create).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreateBucketRequest {
    /// Its name.
    pub name: String,
    /// Where it should be.
    pub location: Option<LocationHint>,
    /// How objects are stored that do not say it themselves; `Standard` by default.
    pub storage_class: Option<StorageClass>,
}

impl CreateBucketRequest {
    /// A bucket where R2 chooses, for objects of the class `Standard`.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), location: None, storage_class: None }
    }

    /// Refuses what R2 does not take.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_bucket_name(&self.name)
    }
}

/// A page of buckets, for [`Account::list`](crate::r2::Account::list).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListBucketsRequest {
    /// Only buckets whose names begin with this.
    pub prefix: String,
    /// Only buckets after this name.
    pub start_after: Option<String>,
    /// Where a page ended.
    pub cursor: Option<String>,
    /// How many buckets at most.
    pub limit: Option<u32>,
    /// Whether all of this goes into headers (`cf-prefix` and so on) in place of the query.
    pub by_headers: bool,
}

impl ListBucketsRequest {
    /// Refuses what R2 does not take.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_page_size(self.limit)
    }
}

/// One page of an account's buckets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BucketsPage {
    /// The buckets, in the order of their names.
    pub buckets: Vec<BucketInfo>,
    /// Whether there are more.
    pub truncated: bool,
    /// Where the next page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl BucketsPage {
    /// The last page, or the only one, with these buckets.
    pub fn new(buckets: Vec<BucketInfo>) -> Self {
        Self { buckets, ..Self::default() }
    }

    /// The same page with more after it, which begin at this cursor.
    #[must_use]
    pub fn truncated_at(mut self, cursor: impl Into<String>) -> Self {
        self.truncated = true;
        self.cursor = Some(cursor.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_a_bucket_serialises_and_is_read_back() {
        let known = BucketInfo {
            created: Some(SystemTime::UNIX_EPOCH),
            region: Some("auto".to_owned()),
            location: Some(LocationHint::Weur),
            storage_class: Some(StorageClass::InfrequentAccess),
            ..BucketInfo::new("media")
        };
        for (info, json) in [
            (BucketInfo::new("media"), r#"{"name":"media"}"#),
            (
                known,
                r#"{"name":"media","created":"1970-01-01T00:00:00.000Z","region":"auto","location":"weur","storageClass":"InfrequentAccess"}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&info).unwrap(), json);
            assert_eq!(serde_json::from_str::<BucketInfo>(json).unwrap(), info);
        }
    }
}
