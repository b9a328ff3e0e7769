//! The JSON of namespaces.

use serde::{Deserialize, Serialize};

use super::request::Request;
use crate::error::Result;
use crate::model::kv::NamespaceInfo;

/// The JSON of a namespace in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceJson {
    /// 32 lower-case hexadecimal characters.
    pub id: String,
    /// Human-readable name, unique within the account, at most 512 bytes.
    pub title: String,
    /// Whether keys are percent-decoded once: true for all except very old namespaces.
    #[serde(default)]
    pub supports_url_encoding: bool,
}

impl From<NamespaceInfo> for NamespaceJson {
    fn from(NamespaceInfo { id, title, .. }: NamespaceInfo) -> Self {
        Self { id, title, supports_url_encoding: true }
    }
}

impl From<NamespaceJson> for NamespaceInfo {
    fn from(NamespaceJson { id, title, .. }: NamespaceJson) -> Self {
        Self::new(id, title)
    }
}

/// The JSON of a request with a title.
#[derive(Serialize)]
struct TitleJson<'a> {
    title: &'a str,
}

/// Adds the title to a request.
pub(super) fn with_title(request: Request, title: &str) -> Result<Request> {
    request.json(&TitleJson { title })
}
