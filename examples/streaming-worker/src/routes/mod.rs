//! The routes, one file for each. README.md lists requests and responses.

mod credentials;
mod manifests;
mod media;
pub(crate) mod playlists;
mod streaming_url;
mod upload_url;
mod uploads;

use std::pin::Pin;
use std::time::Duration;

use cloudflare_clients::r2::{Body, SignedUrl};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::js_sys::Date;
use worker::wasm_bindgen::JsValue;
use worker::{Method, Request, Response};

use crate::access::Subject;
use crate::app::App;
use crate::error::ApiError;
use crate::keys::MediaKey;

/// Maximum size of the JSON of a request or manifest, in bytes.
const MAX_JSON: u64 = 64 * 1024;

type Answer = Result<Response, ApiError>;

/// A request of an authenticated caller.
struct Call<'a> {
    app: &'a App,
    request: &'a Request,
    query: String,
    subject: Subject,
}

pub(crate) async fn route(app: &App, request: &Request) -> Answer {
    let path = request.path();
    if let Some(key) = path.strip_prefix(playlists::PATH) {
        return playlists::get(app, request, key).await;
    }
    // V8 compiles a whole function when it is first called. In one function with the other routes, the first
    // playlist would wait for their compilation.
    let other: Pin<Box<dyn Future<Output = Answer> + '_>> = Box::pin(route_of_subject(app, request, &path));
    other.await
}

/// The routes that need authentication.
async fn route_of_subject(app: &App, request: &Request, path: &str) -> Answer {
    let subject = app.subject(request)?;
    let query = query_of(request);
    let call = Call { app, request, query, subject };
    let segments: Vec<_> = path.split('/').skip(1).collect();
    match (&segments[..], request.method()) {
        (["streaming-url"], Method::Post) => streaming_url::create(&call).await,
        (["streaming-url"], _) => Err(ApiError::method_not_allowed("POST")),

        (["upload-url"], Method::Post) => upload_url::create(&call).await,
        (["upload-url"], _) => Err(ApiError::method_not_allowed("POST")),

        (["credentials"], Method::Post) => credentials::create(&call),
        (["credentials"], _) => Err(ApiError::method_not_allowed("POST")),

        (["media"], Method::Get) => media::list(&call).await,
        (["media"], _) => Err(ApiError::method_not_allowed("GET")),
        (["media", key @ ..], method) => {
            let key = decoded_key(&key.join("/"))?;
            match method {
                Method::Get | Method::Head => media::download(&call, &key).await,
                Method::Put => media::upload(&call, &key).await,
                Method::Delete => media::delete(&call, &key).await,
                _ => Err(ApiError::method_not_allowed("GET, HEAD, PUT, DELETE")),
            }
        }

        (["manifests", creator, media], Method::Get | Method::Head) => {
            manifests::get(&call, creator, media).await
        }
        (["manifests", creator, media], Method::Put) => manifests::put(&call, creator, media).await,
        (["manifests", _, _], _) => Err(ApiError::method_not_allowed("GET, HEAD, PUT")),

        (["uploads"], Method::Post) => uploads::start(&call).await,
        (["uploads"], Method::Delete) => uploads::abort(&call).await,
        (["uploads"], _) => Err(ApiError::method_not_allowed("POST, DELETE")),
        (["uploads", "parts"], Method::Put) => uploads::part(&call).await,
        (["uploads", "parts"], _) => Err(ApiError::method_not_allowed("PUT")),
        (["uploads", "complete"], Method::Post) => uploads::complete(&call).await,
        (["uploads", "complete"], _) => Err(ApiError::method_not_allowed("POST")),

        _ => Err(ApiError::not_found("route")),
    }
}

impl Call<'_> {
    fn parameter(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query.as_bytes())
            .find_map(|(known, value)| (known == name).then(|| value.into_owned()))
    }

    fn needed(&self, name: &str) -> Result<String, ApiError> {
        self.parameter(name)
            .ok_or_else(|| ApiError::bad_request(format!("the query parameter {name:?} is missing")))
    }

    async fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        Ok(Body::from_worker_request(self.request)?.limit(MAX_JSON).json().await?)
    }

    fn header(&self, name: &str) -> Result<Option<String>, ApiError> {
        Ok(self.request.headers().get(name)?)
    }

    /// Returns an error for a key that the subject does not own.
    fn owned(&self, key: MediaKey) -> Result<MediaKey, ApiError> {
        if self.subject.owns(&key) { Ok(key) } else { Err(ApiError::forbidden()) }
    }
}

fn query_of(request: &Request) -> String {
    // `worker::Url` could do this, but is twice as large as everything else in this Worker.
    let url = request.inner().url();
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query.split_once('#').map_or(query, |(query, _)| query).to_owned()
}

/// The scheme and host of a request's URL.
fn origin_of(request: &Request) -> String {
    let url = request.inner().url();
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url[host..].find(['/', '?', '#']).map_or(url.len(), |at| host + at);
    url[..end].to_owned()
}

fn decoded_key(path: &str) -> Result<MediaKey, ApiError> {
    Ok(MediaKey::parse(&decoded(path)?)?)
}

fn decoded(part: &str) -> Result<String, ApiError> {
    let decoded = percent_decode_str(part).decode_utf8();
    Ok(decoded.map_err(|_| ApiError::bad_request("the path is not UTF-8"))?.into_owned())
}

fn json<T: Serialize>(value: &T, status: u16) -> Answer {
    let response = Response::from_json(value)?.with_status(status);
    response.headers().set("cache-control", "no-store")?;
    Ok(response)
}

fn no_content() -> Answer {
    Ok(Response::empty()?.with_status(204))
}

/// Lifetime of a requested URL: `seconds`, or else `default`.
fn expiry(seconds: Option<u64>, default: Duration) -> Duration {
    seconds.map_or(default, Duration::from_secs)
}

/// The expiry of a URL as an ISO 8601 time.
fn expires_at(url: &SignedUrl) -> String {
    iso_8601(url.expires_at())
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are exact")]
fn iso_8601(time: std::time::SystemTime) -> String {
    let millis = time.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_millis();
    Date::new(&JsValue::from_f64(millis as f64)).to_iso_string().into()
}
