//! [GET .../keys](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/subresources/keys/methods/list/)

use cloudflare_clients::ErrorKind;
use cloudflare_clients::kv::rest::ResultInfo;
use cloudflare_clients::kv::rest::error_code::{INVALID_CURSOR, INVALID_LIMIT};
use cloudflare_clients::kv::rest::list_keys::KeyJson;
use cloudflare_clients::kv::{ListRequest, Namespace as _};

use crate::kv::error::KvError;
use crate::kv::request::KvRequest;
use crate::kv::response;
use crate::response::Response;
use crate::service::Service;

/// Begins the cursors of empty pages: the store's cursors have no such character.
const BEHIND_EMPTY_PAGE: &str = "~";

pub(super) async fn run(service: &Service, request: &KvRequest) -> Result<Response, KvError> {
    let limit = match request.number("limit") {
        None => None,
        Some(Ok(limit @ 1..=1000)) => u32::try_from(limit).ok(),
        Some(_) => return Err(INVALID_LIMIT.into()),
    };
    let mut cursor = request.query.get("cursor").filter(|cursor| !cursor.is_empty());
    if service.eventual.has_empty_pages() {
        let Some(rest) = cursor.unwrap_or_default().strip_prefix(BEHIND_EMPTY_PAGE) else {
            let next = format!("{BEHIND_EMPTY_PAGE}{}", cursor.unwrap_or_default());
            return Ok(page(Vec::new(), Some(next)));
        };
        cursor = Some(rest).filter(|rest| !rest.is_empty());
    }
    let prefix = request.query.get("prefix").unwrap_or_default().to_owned();
    let mut list = ListRequest::new();
    (list.prefix, list.limit, list.cursor) = (prefix, limit, cursor.map(str::to_owned));
    let listed = service.store.namespace(&request.namespace_id).list(list).await;
    let listed = listed.map_err(|error| match error.kind() {
        // The limit was checked.
        ErrorKind::InvalidInput => INVALID_CURSOR.into(),
        _ => KvError::from(error),
    })?;
    Ok(page(listed.keys.into_iter().map(Into::into).collect(), listed.cursor))
}

fn page(keys: Vec<KeyJson>, cursor: Option<String>) -> Response {
    let info = ResultInfo {
        count: keys.len() as u64,
        cursor: Some(cursor.unwrap_or_default()),
        ..ResultInfo::default()
    };
    response::page(keys, info)
}
