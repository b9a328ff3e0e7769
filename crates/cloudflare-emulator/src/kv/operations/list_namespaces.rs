//! [GET .../namespaces](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/methods/list/)

use cloudflare_clients::kv::rest::error_code::{
    INVALID_DIRECTION, INVALID_ORDER, MALFORMED_PAGE, MALFORMED_PER_PAGE,
};
use cloudflare_clients::kv::rest::{NamespaceJson, ResultInfo};

use crate::kv::error::KvError;
use crate::kv::request::KvRequest;
use crate::kv::response;
use crate::response::Response;
use crate::service::Service;

pub(super) async fn run(service: &Service, request: &KvRequest) -> Result<Response, KvError> {
    let page = match request.number("page") {
        None => 1,
        Some(Ok(page @ 1..)) => page,
        Some(_) => return Err(MALFORMED_PAGE.into()),
    };
    let per_page = match request.number("per_page") {
        None => 20,
        Some(Ok(per_page @ 1..=1000)) => per_page,
        Some(_) => return Err(MALFORMED_PER_PAGE.into()),
    };
    // The store has them by title.
    let mut namespaces = service.store.namespaces().await?;
    match request.query.get("order") {
        Some("id") => namespaces.sort_by(|one, other| one.id.cmp(&other.id)),
        None | Some("title") => {}
        Some(_) => return Err(INVALID_ORDER.into()),
    }
    match request.query.get("direction") {
        None | Some("asc") => {}
        Some("desc") => namespaces.reverse(),
        Some(_) => return Err(INVALID_DIRECTION.into()),
    }
    let total = namespaces.len() as u64;
    let skipped = usize::try_from((page - 1).saturating_mul(per_page)).unwrap_or(usize::MAX);
    let taken = usize::try_from(per_page).unwrap_or(usize::MAX);
    let entries: Vec<NamespaceJson> =
        namespaces.into_iter().skip(skipped).take(taken).map(Into::into).collect();
    let info = ResultInfo {
        count: entries.len() as u64,
        page: Some(page),
        per_page: Some(per_page),
        total_count: Some(total),
        cursor: None,
    };
    Ok(response::page(entries, info))
}
