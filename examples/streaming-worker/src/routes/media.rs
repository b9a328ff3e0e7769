//! `/media`: objects through the Worker, and lists of objects.

use cloudflare_clients::ErrorKind;
use cloudflare_clients::r2::{Body, Conditional, EtagList, HttpMetadata};
use serde_json::json;
use worker::Response;

use super::{Answer, Call, iso_8601, json, no_content};
use crate::error::ApiError;
use crate::keys::MediaKey;

pub(super) async fn download(call: &Call<'_>, key: &MediaKey) -> Answer {
    if !call.subject.may_read(key) {
        return Err(ApiError::forbidden());
    }
    let r2 = &call.app.r2;
    match r2.get(key.as_str()).worker_request(call.request).await {
        Ok(Some(object)) => private(object.into_worker_response()?),
        Ok(None) => Err(ApiError::not_found("object")),
        Err(error) if error.kind() == ErrorKind::NotModified => private(error.into_worker_response()?),
        Err(error) => Err(error.into()),
    }
}

/// Keeps the response out of shared caches, and stops browsers from guessing another content type than that
/// of the upload.
fn private(response: Response) -> Answer {
    let headers = response.headers();
    if !headers.has("cache-control")? {
        headers.set("cache-control", "private, no-cache")?;
    }
    headers.append("vary", "Authorization")?;
    headers.set("x-content-type-options", "nosniff")?;
    Ok(response)
}

pub(super) async fn upload(call: &Call<'_>, key: &MediaKey) -> Answer {
    if !call.subject.owns(key) {
        return Err(ApiError::forbidden());
    }
    let etags = |value: Option<String>| value.map(|value| EtagList::parse_header(&value)).transpose();
    let mut only_if = Conditional::new();
    only_if.etag_matches = etags(call.header("if-match")?)?;
    only_if.etag_does_not_match = etags(call.header("if-none-match")?)?;
    let body = Body::from_worker_request(call.request)?;
    let size = body.content_length();
    let mut metadata = HttpMetadata::new();
    metadata.content_type =
        Some(call.header("content-type")?.unwrap_or_else(|| "application/octet-stream".to_owned()));
    metadata.content_language = call.header("content-language")?;
    metadata.content_disposition = call.header("content-disposition")?;
    metadata.content_encoding = call.header("content-encoding")?;
    metadata.cache_control = call.header("cache-control")?;
    let stored = call.app.r2.put(key.as_str(), body).http_metadata(metadata).only_if(only_if).await?;
    let response = json(&json!({ "key": key.as_str(), "etag": stored.etag, "size": size }), 201)?;
    response.headers().set("etag", &stored.http_etag())?;
    Ok(response)
}

pub(super) async fn delete(call: &Call<'_>, key: &MediaKey) -> Answer {
    if !call.subject.owns(key) {
        return Err(ApiError::forbidden());
    }
    call.app.r2.delete(key.as_str()).await?;
    no_content()
}

pub(super) async fn list(call: &Call<'_>) -> Answer {
    let prefix = call.parameter("prefix").unwrap_or_else(|| format!("{}/", call.subject.id()));
    if !call.subject.may_list(&prefix) {
        return Err(ApiError::forbidden());
    }
    let mut list = call.app.r2.list().prefix(prefix);
    if let Some(delimiter) = call.parameter("delimiter").filter(|delimiter| !delimiter.is_empty()) {
        list = list.delimiter(delimiter);
    }
    if let Some(cursor) = call.parameter("cursor").filter(|cursor| !cursor.is_empty()) {
        list = list.cursor(cursor);
    }
    if let Some(limit) = call.parameter("limit") {
        let limit = limit
            .parse()
            .map_err(|_| ApiError::bad_request(format!("the limit {limit:?} is not a number")))?;
        list = list.page_size(limit);
    }
    let page = list.await?;
    let objects: Vec<_> = page
        .objects
        .iter()
        .map(|object| {
            json!({
                "key": object.key,
                "size": object.size,
                "etag": object.etag,
                "uploaded": iso_8601(object.uploaded),
            })
        })
        .collect();
    let answer = json!({
        "objects": objects,
        "delimitedPrefixes": page.delimited_prefixes,
        "truncated": page.truncated,
        "cursor": page.cursor,
    });
    json(&answer, 200)
}
