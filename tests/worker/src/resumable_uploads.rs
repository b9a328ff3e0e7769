//! Uploads over many requests: the state is in the query of each request and in its answer.

use std::future::ready;
use std::sync::atomic::{AtomicUsize, Ordering};

use cloudflare_clients::r2::{Body, R2Service};
use serde_json::json;
use worker::{Request, Response, Result, Url};

use super::operations::{failure, parameter};

/// Sends the body of the request; with `last` it completes the upload.
pub(crate) async fn answer(r2: &R2Service, request: &Request, url: &Url) -> Result<Response> {
    let mut upload = match parameter(url, "state") {
        Some(state) => r2.resume_upload(serde_json::from_str(&state)?),
        None => {
            let key = parameter(url, "key").unwrap_or_default();
            r2.resumable_upload(key).content_type("video/mp4")
        }
    };
    let body = match Body::from_worker_request(request) {
        Ok(body) => body,
        Err(error) => return failure(&error),
    };
    let kept = AtomicUsize::new(0);
    let sent = upload.send_journaled(body, |state| {
        kept.store(state.parts.len(), Ordering::Relaxed);
        ready(Ok(()))
    });
    let done = match sent.await {
        Ok(()) if parameter(url, "last").is_some() => upload.complete().await.map(Some),
        Ok(()) => Ok(None),
        Err(error) => Err(error),
    };
    Response::from_json(&json!({
        "state": upload.state(),
        "position": upload.position(),
        "kept": kept.into_inner(),
        "etag": done.as_ref().ok().and_then(|stored| Some(&stored.as_ref()?.etag)),
        "error": done.as_ref().err().map(ToString::to_string),
    }))
}
