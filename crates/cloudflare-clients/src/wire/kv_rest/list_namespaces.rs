//! [GET
//! .../namespaces](https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/methods/list/):
//! returns a page of namespaces.

use http::Method;

use super::envelope::Envelope;
use super::namespace_json::NamespaceJson;
use super::request::Request;
use crate::error::{Error, Result};
use crate::model::kv::{ListNamespacesRequest, NamespacesPage};

/// Writes the request, which is about the account.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind) if the number or the size of the page is out of range.
pub fn request(list: &ListNamespacesRequest) -> Result<Request> {
    list.validate()?;
    Ok(Request::new(Method::GET, "")
        .query_if_some("order", Some("title"))
        .query_if_some("page", Some(list.page))
        .query_if_some("per_page", Some(list.size())))
}

/// Parses the answer.
///
/// # Errors
/// [`ErrorKind::UnexpectedResponse`](crate::ErrorKind) if the answer cannot be parsed.
pub fn parse(list: &ListNamespacesRequest, body: &[u8]) -> Result<NamespacesPage> {
    let envelope: Envelope<Vec<NamespaceJson>> = Envelope::parse(body)?;
    let namespaces = envelope.result.ok_or_else(|| Error::unexpected("the answer has no result"))?;
    let total = envelope.result_info.and_then(|info| info.total_count);
    Ok(NamespacesPage::of(list, namespaces.into_iter().map(Into::into).collect(), total))
}
