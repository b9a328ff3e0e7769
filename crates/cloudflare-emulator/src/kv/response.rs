//! The envelope of answers.

use cloudflare_clients::kv::rest::{Envelope, ResultInfo};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::response::{self, Response};

pub(super) fn json<T: Serialize>(status: StatusCode, envelope: &Envelope<T>) -> Response {
    // Maps with text as keys can always be written as JSON.
    let document = serde_json::to_vec(envelope).unwrap_or_default();
    let mut response = response::full(status, document);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Returns a success with a result.
pub(super) fn result<T: Serialize>(result: T) -> Response {
    json(StatusCode::OK, &Envelope::success(result))
}

/// Returns a success without a result: `"result": null`.
pub(super) fn done() -> Response {
    json(StatusCode::OK, &Envelope { result: None::<()>, ..Envelope::success(()) })
}

/// Returns one page of a listing.
pub(super) fn page<T: Serialize>(entries: Vec<T>, info: ResultInfo) -> Response {
    json(StatusCode::OK, &Envelope { result_info: Some(info), ..Envelope::success(entries) })
}
