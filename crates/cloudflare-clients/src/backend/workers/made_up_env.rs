//! What a Worker warms up with.

use bytes::Bytes;
use worker::js_sys::{Function, Object, Promise, Uint8Array};
use worker::wasm_bindgen::closure::Closure;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::web_sys::ReadableStream;

use crate::error::{Error, Result};
use crate::js::{self, Properties};

/// An environment that is made up, for a request that a Worker handles when it starts.
///
/// V8 compiles each function when it is called first, and that takes most of the CPU time of an isolate's first request. A Worker
/// whose `start` event handles a made-up request has that behind it: starting has [a second of its
/// own](https://developers.cloudflare.com/workers/platform/limits/#worker-startup-time), and the CPU time of requests does not count it.
///
/// ```ignore
/// #[event(start)]
/// fn start() {
///     spawn_local(async {
///         let env = MadeUpEnv::new()
///             .var("R2_ACCESS_KEY_ID", "fedcba9876543210fedcba9876543210")
///             .bucket("MEDIA_BUCKET", "film/720p.m3u8", playlist())
///             .build();
///         // What the fetch event does, as far as a `worker::Response`.
///     });
/// }
/// ```
///
/// A Worker that starts may do [less than one that handles a
/// request](https://developers.cloudflare.com/workers/reference/how-workers-works/): it has no clock but the beginning of 1970, no
/// randomness and no timers, and can make no response of JavaScript with a body. A request that needs one of them fails, and leaves
/// uncompiled what comes behind: log it. `examples/streaming-worker` has the whole.
#[derive(Debug)]
pub struct MadeUpEnv(Result<Object>);

impl MadeUpEnv {
    /// One with nothing.
    #[expect(clippy::new_without_default, reason = "it is made in one place")]
    pub fn new() -> Self {
        Self(Ok(Object::new()))
    }

    /// Adds a variable or secret.
    #[must_use]
    pub fn var(self, name: &str, value: &str) -> Self {
        self.with(name, || Ok(value.into()))
    }

    /// Adds an R2 bucket with one object. A binding can read it, and nothing else.
    #[must_use]
    pub fn bucket(self, binding: &str, key: &str, content: impl Into<Bytes>) -> Self {
        self.with(binding, || bucket(key, content.into()))
    }

    /// The environment.
    ///
    /// # Errors
    /// JavaScript did not take something of it.
    pub fn build(self) -> Result<worker::Env> {
        self.0.map(JsCast::unchecked_into)
    }

    fn with(self, name: &str, value: impl FnOnce() -> Result<JsValue>) -> Self {
        Self(self.0.and_then(|env| {
            let properties = Properties::from(env);
            properties.set(name, value()?)?;
            Ok(properties.into_object())
        }))
    }
}

/// What passes for the binding: it has the name of its class.
fn bucket(key: &str, content: Bytes) -> Result<JsValue> {
    let key = key.to_owned();
    let get = Closure::<dyn Fn() -> Promise>::new(move || match object(&key, content.clone()) {
        Ok(found) => Promise::resolve(&found),
        Err(error) => Promise::reject(&error.to_string().into()),
    });
    let class = Properties::new();
    class.set("name", "R2Bucket")?;
    let bucket = Properties::new();
    bucket.set("constructor", class)?;
    bucket.set("get", get.into_js_value())?;
    Ok(bucket.into())
}

/// An [R2ObjectBody](https://developers.cloudflare.com/r2/api/workers/workers-api-reference/#r2objectbody-definition).
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

/// A stream of bytes, which the runtime's own are.
fn stream(content: Bytes) -> Result<ReadableStream> {
    let start = move |controller: JsValue| -> Result<(), JsValue> {
        let method = |name| js::property(&controller, name).dyn_into::<Function>();
        method("enqueue")?.call1(&controller, &Uint8Array::from(&content[..]))?;
        method("close")?.call0(&controller).map(drop)
    };
    let source = Properties::new();
    source.set("type", "bytes")?;
    source.set("start", Closure::once_into_js(start))?;
    ReadableStream::new_with_underlying_source(&source.into_object())
        .map_err(|_| Error::unsupported("this runtime makes no streams of bytes"))
}
