//! The title of a namespace in a request.

use cloudflare_clients::kv::rest::error_code::MISSING_TITLE;
use serde::Deserialize;

use crate::kv::error::KvError;
use crate::kv::request::KvRequest;

/// The title in a request. The store says which are too long.
pub(super) async fn title(request: &KvRequest) -> Result<String, KvError> {
    #[derive(Deserialize)]
    struct TitleJson {
        title: Option<String>,
    }

    let TitleJson { title } = request.json().await?;
    title.filter(|title| !title.is_empty()).ok_or_else(|| MISSING_TITLE.into())
}
