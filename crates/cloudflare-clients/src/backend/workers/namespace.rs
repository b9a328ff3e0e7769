//! The namespace binding.
//!
//! It uses the JavaScript object directly: the `worker` crate's builders do not read metadata together with
//! bytes, and their errors keep only a text.

use std::fmt;

use std::sync::Arc;

use async_trait::async_trait;
use http::StatusCode;
use worker::js_sys::{Array, ArrayBuffer, Function, JSON, Map, Promise, Reflect, Uint8Array};
use worker::send::{SendFuture, SendWrapper};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::ReadableStream;

use super::error;
use super::object::unexpected;
use crate::body::{Body, ForJs};
use crate::error::{Error, ErrorKind, Result};
use crate::js::{self, Properties, from_u64};
use crate::kv::{
    DeleteRequest, GetManyRequest, GetRequest, KvClient, ListPage, ListRequest, ListedKey, Metadata,
    Namespace, PutRequest, ValueType, ValueWithMetadata,
};
use crate::model::kv::limits::{validate_get_count, validate_key};
use crate::model::kv::value;
use crate::runtime::{Runtime, WorkersRuntime};
use crate::time::{from_seconds, to_seconds};

/// A KV namespace through the [binding](https://developers.cloudflare.com/kv/api/) of a Worker.
///
/// Each operation is one call. For retries, give it to [`KvClient`], or create both with
/// [`KvClient::from_worker_env`]. Cloning is cheap. It can be stored in a static and used by many requests.
///
/// The binding reads up to 100 text values per call, and writes and deletes one key per call. It does not
/// support expirations after January 2038, as it stores them in 32 bits.
#[derive(Clone)]
pub struct WorkersNamespace(SendWrapper<JsValue>);

impl WorkersNamespace {
    /// Creates the namespace of a binding.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the Worker has no such binding.
    pub fn from_worker_env(env: &worker::Env, binding: &str) -> Result<Self> {
        let namespace = js::property(env.as_ref(), binding);
        // A bucket does not have this method.
        if js::property(&namespace, "getWithMetadata").is_function() {
            return Ok(Self(SendWrapper(namespace)));
        }
        Err(Error::invalid_input(format!(
            "the Worker has no KV namespace {binding:?}: add it to `kv_namespaces` in its configuration"
        )))
    }

    /// Calls a method and waits for its result.
    async fn call(&self, method: &str, arguments: &Array) -> Result<JsValue> {
        let returned = match js::property(&self.0.0, method).dyn_ref::<Function>() {
            Some(method) => Reflect::apply(method, &self.0.0, arguments),
            None => return Err(unexpected(method)),
        };
        let settled = match returned.map(JsCast::dyn_into::<Promise>) {
            Ok(Ok(promise)) => JsFuture::from(promise).await,
            Ok(Err(value)) => Ok(value),
            Err(thrown) => Err(thrown),
        };
        settled.map_err(|thrown| from_thrown(&thrown))
    }
}

impl KvClient {
    /// Creates a client for the namespace of a Worker's binding.
    ///
    /// The client can be stored in a static and used by many requests. Do not set
    /// [`with_max_concurrency`](Self::with_max_concurrency) on such a client: in a Worker, one request cannot
    /// wait for another.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the Worker has no such binding.
    pub fn from_worker_env(env: &worker::Env, binding: &str) -> Result<Self> {
        Ok(Self::new(WorkersNamespace::from_worker_env(env, binding)?))
    }
}

#[async_trait]
impl Namespace for WorkersNamespace {
    fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::new(WorkersRuntime)
    }

    async fn get(&self, request: GetRequest) -> Result<Option<Body>> {
        validate_key(&request.key)?;
        SendFuture::new(async {
            let value = self.call("get", &get_arguments(&request)?).await?;
            if value.is_null() { Ok(None) } else { body(value).map(Some) }
        })
        .await
    }

    async fn get_with_metadata(&self, request: GetRequest) -> Result<Option<ValueWithMetadata<Body>>> {
        validate_key(&request.key)?;
        SendFuture::new(async {
            with_metadata(&self.call("getWithMetadata", &get_arguments(&request)?).await?, body)
        })
        .await
    }

    async fn get_many(
        &self,
        request: GetManyRequest,
    ) -> Result<Vec<Result<Option<ValueWithMetadata<String>>>>> {
        validate_get_count(request.keys.len())?;
        SendFuture::new(async {
            let keys: Array = request.keys.iter().map(JsValue::from).collect();
            let options = Properties::new();
            options.set("type", "text")?;
            options.set_if_some("cacheTtl", request.cache_ttl.map(|ttl| from_u64(ttl.as_secs())))?;
            let arguments = Array::of2(&keys, &options.into());
            let method = if request.with_metadata { "getWithMetadata" } else { "get" };
            let found: Map =
                self.call(method, &arguments).await?.dyn_into().map_err(|_| unexpected("a Map"))?;
            let text = |value: JsValue| value.as_string().ok_or_else(|| unexpected("text"));
            let value = |key: &String| {
                let value = found.get(&key.into());
                if value.is_null() || value.is_undefined() {
                    Ok(None)
                } else if request.with_metadata {
                    with_metadata(&value, text)
                } else {
                    Ok(Some(ValueWithMetadata::new(text(value)?)))
                }
            };
            request.keys.iter().map(|key| value(key).map(Ok)).collect()
        })
        .await
    }

    async fn put(&self, request: PutRequest) -> Result<()> {
        validate_key(&request.key)?;
        SendFuture::new(async {
            let PutRequest { key, value, expiration, expiration_ttl, metadata } = request;
            let options = Properties::new();
            options.set_if_some("expiration", expiration.map(|at| from_u64(to_seconds(at))))?;
            options.set_if_some("expirationTtl", expiration_ttl.map(|ttl| from_u64(ttl.as_secs())))?;
            if let Some(metadata) = metadata {
                let parsed = JSON::parse(metadata.as_str());
                options.set("metadata", parsed.map_err(|thrown| error::from_js(&thrown))?)?;
            }
            let value = match value.into_js() {
                ForJs::Bytes(bytes) => Uint8Array::from(&bytes[..]).into(),
                ForJs::Readable(stream) => stream.into(),
                ForJs::Stream(stream) => {
                    let bytes = value::collect(Body::from_stream(stream, None)).await?;
                    Uint8Array::from(&bytes[..]).into()
                }
            };
            self.call("put", &Array::of3(&key.into(), &value, &options.into())).await.map(drop)
        })
        .await
    }

    async fn delete(&self, request: DeleteRequest) -> Result<()> {
        validate_key(&request.key)?;
        SendFuture::new(async { self.call("delete", &Array::of1(&request.key.into())).await.map(drop) }).await
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage> {
        SendFuture::new(async {
            let options = Properties::new();
            if !request.prefix.is_empty() {
                options.set("prefix", request.prefix.as_str())?;
            }
            options.set_if_some("limit", request.limit)?;
            options.set_if_some("cursor", request.cursor.as_deref())?;
            let page = self.call("list", &Array::of1(&options.into())).await?;
            let keys = js::elements(&page, "keys").ok_or_else(|| unexpected("keys"))?;
            let key = |key: JsValue| {
                Ok(ListedKey {
                    name: js::text(&key, "name").ok_or_else(|| unexpected("name"))?,
                    expiration: js::number(&key, "expiration").and_then(from_seconds),
                    metadata: metadata(&key)?,
                })
            };
            Ok(ListPage {
                keys: keys.iter().map(key).collect::<Result<_>>()?,
                list_complete: js::property(&page, "list_complete").is_truthy(),
                cursor: js::text(&page, "cursor").filter(|cursor| !cursor.is_empty()),
            })
        })
        .await
    }
}

impl fmt::Debug for WorkersNamespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkersNamespace").finish_non_exhaustive()
    }
}

fn get_arguments(request: &GetRequest) -> Result<Array> {
    let options = Properties::new();
    // Text is decoded here, to detect invalid UTF-8.
    let value_type = if request.value_type == ValueType::Stream { "stream" } else { "arrayBuffer" };
    options.set("type", value_type)?;
    options.set_if_some("cacheTtl", request.cache_ttl.map(|ttl| from_u64(ttl.as_secs())))?;
    Ok(Array::of2(&request.key.as_str().into(), &options.into()))
}

fn body(value: JsValue) -> Result<Body> {
    match value.dyn_into::<ArrayBuffer>() {
        Ok(buffer) => Ok(Uint8Array::new(&buffer).to_vec().into()),
        Err(value) => {
            let stream: ReadableStream = value.dyn_into().map_err(|_| unexpected("a value"))?;
            Ok(Body::from_readable_stream(stream, None))
        }
    }
}

/// Parses the result of `getWithMetadata`: all its properties are null if the key is missing.
fn with_metadata<V>(
    found: &JsValue,
    read: impl Fn(JsValue) -> Result<V>,
) -> Result<Option<ValueWithMetadata<V>>> {
    let value = js::property(found, "value");
    if value.is_null() || value.is_undefined() {
        return Ok(None);
    }
    Ok(Some(ValueWithMetadata {
        value: read(value)?,
        metadata: metadata(found)?,
        expiration: None,
        cache_status: js::text(found, "cacheStatus"),
    }))
}

fn metadata(found: &JsValue) -> Result<Option<Metadata>> {
    let metadata = js::property(found, "metadata");
    if metadata.is_null() || metadata.is_undefined() {
        return Ok(None);
    }
    let json = JSON::stringify(&metadata).map_err(|thrown| error::from_js(&thrown))?;
    Metadata::from_json(String::from(json)).map(Some)
}

/// Parses what the binding throws: an `Error` like `KV PUT failed: 429 Too Many Requests`, or an error of the
/// runtime itself.
fn from_thrown(thrown: &JsValue) -> Error {
    let status = || {
        let message = js::text(thrown, "message")?;
        let (_, said) = message.strip_prefix("KV ")?.split_once(" failed: ")?;
        let (status, text) = said.split_at_checked(3)?;
        let status: StatusCode = status.parse().ok()?;
        let text = text.trim();
        let error = Error::from_status(status, if text.is_empty() { "Unknown Status" } else { text });
        // A missing key is null, so a 404 means that the namespace is missing.
        Some(if status == StatusCode::NOT_FOUND {
            error.with_kind(ErrorKind::NoSuchNamespace)
        } else {
            error
        })
    };
    status().unwrap_or_else(|| error::from_js(thrown))
}
