//! Requests about the buckets of an account, and the properties of a bucket.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::bucket_name::validate_bucket_name;
use super::limits::validate_page_size;
use super::location_hint::LocationHint;
use super::storage_class::StorageClass;
use crate::error::Result;

/// The properties of a bucket. R2 returns its name and, in a listing, its creation time. The embedded store
/// returns all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BucketInfo {
    /// The bucket name.
    pub name: String,
    /// When the bucket was created. R2 returns it in listings only.
    #[serde(default, with = "crate::time::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub created: Option<SystemTime>,
    /// The region that requests to the bucket are signed for. R2's is `auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The location hint that the bucket was created with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<LocationHint>,
    /// The storage class of objects that are stored without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<StorageClass>,
}

impl BucketInfo {
    /// Creates a bucket's properties with only a name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), created: None, region: None, location: None, storage_class: None }
    }
}

/// A request to create a bucket, for [`Account::create`](crate::r2::Account::create).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreateBucketRequest {
    /// The bucket name: 3 to 63 of the characters `a-z`, `0-9` and `-`.
    pub name: String,
    /// Where the bucket should be. R2 chooses if it is `None`.
    pub location: Option<LocationHint>,
    /// The storage class of objects that are stored without one. `Standard` if it is `None`.
    pub storage_class: Option<StorageClass>,
}

impl CreateBucketRequest {
    /// Creates a request for a bucket whose location R2 chooses, with the class `Standard`.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), location: None, storage_class: None }
    }

    /// Checks the request against R2's rules.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_bucket_name(&self.name)
    }
}

/// A request for one page of buckets, for [`Account::list`](crate::r2::Account::list).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListBucketsRequest {
    /// Only buckets whose names start with this. Empty for all.
    pub prefix: String,
    /// Only buckets whose names come after this.
    pub start_after: Option<String>,
    /// Where the page begins: the [`cursor`](BucketsPage::cursor) of the page before.
    pub cursor: Option<String>,
    /// The maximum number of buckets on the page: 1 to 1,000.
    pub limit: Option<u32>,
    /// Whether these values are sent in headers (`cf-prefix` and so on) instead of the query.
    pub by_headers: bool,
}

impl ListBucketsRequest {
    /// Checks the request against R2's rules.
    pub(crate) fn validate(&self) -> Result<()> {
        validate_page_size(self.limit)
    }
}

/// One page of an account's buckets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BucketsPage {
    /// The buckets, by name.
    pub buckets: Vec<BucketInfo>,
    /// Whether there are more pages.
    pub truncated: bool,
    /// Where the next page begins, for [`ListBucketsRequest::cursor`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl BucketsPage {
    /// Creates the last page, or the only one, with these buckets.
    pub fn new(buckets: Vec<BucketInfo>) -> Self {
        Self { buckets, ..Self::default() }
    }

    /// Marks the page as followed by another one, which begins at this cursor.
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
