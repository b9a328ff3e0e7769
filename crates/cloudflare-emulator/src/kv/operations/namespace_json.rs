//! Namespaces as the API has them.

use cloudflare_clients::NamespaceInfo;
use cloudflare_clients::kv::rest::error_code::MISSING_TITLE;
use serde::{Deserialize, Serialize};

use crate::kv::error::KvError;
use crate::kv::request::KvRequest;

/// A namespace in an answer.
#[derive(Serialize)]
pub(super) struct NamespaceJson {
    id: String,
    title: String,
    supports_url_encoding: bool,
}

impl From<NamespaceInfo> for NamespaceJson {
    fn from(NamespaceInfo { id, title, .. }: NamespaceInfo) -> Self {
        Self { id, title, supports_url_encoding: true }
    }
}

/// The title in a request. The store says which are too long.
pub(super) async fn title(request: &KvRequest) -> Result<String, KvError> {
    #[derive(Deserialize)]
    struct TitleJson {
        title: Option<String>,
    }

    let TitleJson { title } = request.json().await?;
    title.filter(|title| !title.is_empty()).ok_or_else(|| MISSING_TITLE.into())
}
