//! Namespaces as the API has them.

use cloudflare_clients::NamespaceInfo;
use cloudflare_clients::kv::rest::error_code::{INVALID_REQUEST, MISSING_TITLE};
use serde::{Deserialize, Serialize};

use crate::kv::error::KvError;
use crate::kv::request::Request;

/// The most bytes of a title.
const MAX_TITLE: usize = 512;

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

/// The title in a request.
pub(super) async fn title(request: &Request) -> Result<String, KvError> {
    #[derive(Deserialize)]
    struct TitleJson {
        title: Option<String>,
    }

    let TitleJson { title } = request.json().await?;
    match title.filter(|title| !title.is_empty()) {
        None => Err(MISSING_TITLE.into()),
        Some(title) if title.len() > MAX_TITLE => Err(KvError::new(
            INVALID_REQUEST,
            format!("the title has {} bytes, and may have {MAX_TITLE}", title.len()),
        )),
        Some(title) => Ok(title),
    }
}
