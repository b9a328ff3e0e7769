//! An environment for warming up a Worker.

use std::fmt;

use bytes::Bytes;
use worker::js_sys::{Object, Promise, Uint8Array};
use worker::wasm_bindgen::closure::Closure;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::web_sys::ReadableStream;

use crate::error::{Error, Result};
use crate::js::{self, Properties};

/// A made-up environment, for a request that a Worker handles while it starts.
///
/// V8 compiles each function when it is called for the first time. That takes most of the CPU time of an
/// isolate's first request. If a Worker handles a made-up request in its `start` event, its functions are
/// compiled before the first real one. Starting does not count as CPU time of a request: it has [its own
/// limit of one second][startup].
///
/// ```ignore
/// #[event(start)]
/// fn start() {
///     spawn_local(async {
///         let env = MadeUpEnv::new()
///             .var("R2_ACCESS_KEY_ID", "fedcba9876543210fedcba9876543210")
///             .bucket("MEDIA_BUCKET", "film/720p.m3u8", playlist())
///             .build()
///             .expect("JavaScript takes all of it");
///         // The code of the fetch event, up to a `worker::Response`.
///     });
/// }
/// ```
///
/// During its start, a Worker may do [less than while it handles a request][global-scope]. It has no clock
/// except the beginning of 1970, no randomness and no timers, and cannot create JavaScript responses with a
/// body. A request that needs one of these fails, and the code after that point stays uncompiled: log the
/// failure. For a complete example see `examples/streaming-worker`.
///
/// [startup]: https://developers.cloudflare.com/workers/platform/limits/#worker-startup-time
/// [global-scope]: https://developers.cloudflare.com/workers/runtime-apis/handlers/
pub struct MadeUpEnv(Result<Properties>);

impl MadeUpEnv {
    /// Creates an empty environment.
    #[expect(clippy::new_without_default, reason = "it is made in one place")]
    pub fn new() -> Self {
        Self(Ok(Properties::new()))
    }

    /// Adds a variable or secret.
    #[must_use]
    pub fn var(self, name: &str, value: &str) -> Self {
        self.with(name, || Ok(value.into()))
    }

    /// Adds an R2 bucket with one object. The binding only supports reading it.
    #[must_use]
    pub fn bucket(self, binding: &str, key: &str, content: impl Into<Bytes>) -> Self {
        self.with(binding, || bucket(key, content.into()))
    }

    /// Returns the environment.
    ///
    /// # Errors
    /// An error if JavaScript rejected a property.
    pub fn build(self) -> Result<worker::Env> {
        self.0.map(|env| JsValue::from(env).unchecked_into())
    }

    fn with(self, name: &str, value: impl FnOnce() -> Result<JsValue>) -> Self {
        Self(self.0.and_then(|env| {
            env.set(name, value()?)?;
            Ok(env)
        }))
    }
}

impl fmt::Debug for MadeUpEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MadeUpEnv").finish_non_exhaustive()
    }
}

/// A JavaScript object that passes for the binding, as its class has that name.
fn bucket(key: &str, content: Bytes) -> Result<JsValue> {
    let key = key.to_owned();
    let get = Closure::<dyn Fn(String) -> Promise>::new(move |asked: String| {
        if asked != key {
            return Promise::resolve(&JsValue::NULL);
        }
        match object(&key, content.clone()) {
            Ok(found) => Promise::resolve(&found),
            Err(error) => Promise::reject(&error.to_string().into()),
        }
    });
    let class = Properties::new();
    class.set("name", "R2Bucket")?;
    let bucket = Properties::new();
    bucket.set("constructor", class)?;
    bucket.set("get", get.into_js_value())?;
    Ok(bucket.into())
}

/// Returns an
/// [R2ObjectBody](https://developers.cloudflare.com/r2/api/workers/workers-api-reference/#r2objectbody-definition).
fn object(key: &str, content: Bytes) -> Result<JsValue> {
    let object = Properties::new();
    object.set("key", key)?;
    object.set("size", js::from_u64(content.len() as u64))?;
    object.set("etag", "made up")?;
    object.set("version", "1")?;
    object.set("uploaded", js::from_time(std::time::UNIX_EPOCH))?;
    for name in ["httpMetadata", "customMetadata", "checksums"] {
        object.set(name, Properties::new())?;
    }
    object.set("storageClass", "Standard")?;
    object.set("body", stream(content)?)?;
    Ok(object.into())
}

/// A byte stream, like the runtime's own streams.
fn stream(content: Bytes) -> Result<ReadableStream> {
    let start = move |controller: JsValue| -> Result<(), JsValue> {
        // A byte stream rejects an empty chunk.
        if !content.is_empty() {
            js::method(&controller, "enqueue")?.call1(&controller, &Uint8Array::from(&content[..]))?;
        }
        js::method(&controller, "close")?.call0(&controller).map(drop)
    };
    let source = Properties::new();
    source.set("type", "bytes")?;
    source.set("start", Closure::once_into_js(start))?;
    ReadableStream::new_with_underlying_source(&JsValue::from(source).unchecked_into::<Object>())
        .map_err(|_| Error::unsupported("this runtime does not support byte streams"))
}
