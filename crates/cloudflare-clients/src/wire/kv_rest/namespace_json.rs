//! Namespaces as the API has them.

use serde::{Deserialize, Serialize};

use super::request::Request;
use crate::error::Result;
use crate::model::kv::NamespaceInfo;

/// A namespace in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceJson {
    /// The id: 32 hexadecimal characters.
    pub id: String,
    /// The title.
    pub title: String,
    /// Whether keys are percent-decoded once: true of all but very old ones.
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

/// The title as a request has it.
#[derive(Serialize)]
struct TitleJson<'a> {
    title: &'a str,
}

/// Adds the title.
pub(super) fn with_title(request: Request, title: &str) -> Result<Request> {
    request.json(&TitleJson { title })
}
