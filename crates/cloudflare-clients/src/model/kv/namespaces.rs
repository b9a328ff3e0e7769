//! Requests about the namespaces of an account, and the description of a namespace.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::limits::{MAX_TITLE_SIZE, validate_page_size};
use crate::error::{Error, Result};

/// The description of a namespace. KV does not report the creation time; the embedded store does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NamespaceInfo {
    /// The id: 32 hexadecimal characters.
    pub id: String,
    /// The title, unique in its account: 1 to 512 bytes.
    pub title: String,
    /// When the namespace was created, if the service reports it.
    #[serde(default, with = "crate::time::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub created: Option<SystemTime>,
}

impl NamespaceInfo {
    /// Creates a description without a creation time.
    pub fn new(id: impl Into<String>, title: impl Into<String>) -> Self {
        Self { id: id.into(), title: title.into(), created: None }
    }
}

/// A request for one page of namespaces, for [`Account::list`](crate::kv::Account::list).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListNamespacesRequest {
    /// The number of the page, starting at 1.
    pub page: u32,
    /// Maximum number of namespaces on the page: 1 to 1,000. Default: 20.
    pub limit: Option<u32>,
}

impl Default for ListNamespacesRequest {
    /// The first page.
    fn default() -> Self {
        Self { page: 1, limit: None }
    }
}

impl ListNamespacesRequest {
    /// Default number of namespaces per page.
    pub(crate) const DEFAULT_LIMIT: u32 = 20;

    /// Rejects values that KV does not accept.
    pub(crate) fn validate(&self) -> Result<()> {
        if self.page == 0 {
            return Err(Error::invalid_input(
                "the page number is 0: pages of namespaces are numbered from 1",
            ));
        }
        validate_page_size(self.limit)
    }

    /// Returns the maximum number of namespaces on the page.
    pub(crate) fn size(&self) -> u32 {
        self.limit.unwrap_or(Self::DEFAULT_LIMIT)
    }
}

/// One page of an account's namespaces.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NamespacesPage {
    /// The namespaces, by title.
    pub namespaces: Vec<NamespaceInfo>,
    /// Whether another page follows, under the next number.
    pub truncated: bool,
    /// Number of namespaces on all pages, if the service reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}

impl NamespacesPage {
    /// Creates a page from an answer, and determines whether it is the last one.
    pub(crate) fn of(
        request: &ListNamespacesRequest,
        namespaces: Vec<NamespaceInfo>,
        total: Option<u64>,
    ) -> Self {
        let size = u64::from(request.size());
        let truncated = match total {
            Some(total) => u64::from(request.page).saturating_mul(size) < total,
            None => namespaces.len() as u64 >= size,
        };
        // A page beyond the last one is empty.
        Self { truncated: truncated && !namespaces.is_empty(), namespaces, total }
    }
}

/// Rejects a title that KV does not accept.
pub(crate) fn validate_title(title: &str) -> Result<()> {
    if (1..=MAX_TITLE_SIZE).contains(&title.len()) {
        return Ok(());
    }
    let length = title.len();
    Err(Error::invalid_input(format!("the title has {length} bytes: KV accepts 1 to {MAX_TITLE_SIZE} bytes")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_a_namespace_serialises_and_is_read_back() {
        let info = NamespaceInfo::new("0a", "sessions");
        let created = NamespaceInfo { created: Some(SystemTime::UNIX_EPOCH), ..info.clone() };
        for (info, json) in [
            (info, r#"{"id":"0a","title":"sessions"}"#),
            (created, r#"{"id":"0a","title":"sessions","created":"1970-01-01T00:00:00.000Z"}"#),
        ] {
            assert_eq!(serde_json::to_string(&info).unwrap(), json);
            assert_eq!(serde_json::from_str::<NamespaceInfo>(json).unwrap(), info);
        }
    }

    #[test]
    fn a_page_is_the_last_by_the_total_or_by_its_size() {
        let page = |number, found: usize, total| {
            let request = ListNamespacesRequest { page: number, limit: Some(2) };
            let namespaces = vec![NamespaceInfo::new("0a", "t"); found];
            NamespacesPage::of(&request, namespaces, total).truncated
        };
        assert!(page(1, 2, Some(3)) && page(1, 2, None) && page(1, 1, Some(3)));
        assert!(!page(2, 1, Some(3)) && !page(1, 2, Some(2)) && !page(2, 1, None));
        assert!(!page(9, 0, Some(100)) && !page(1, 0, Some(0)));
        for (page, limit) in [(0, None), (1, Some(0)), (1, Some(1001))] {
            assert!(ListNamespacesRequest { page, limit }.validate().is_err());
        }
    }
}
