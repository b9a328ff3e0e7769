//! Reading and creating JavaScript objects, without exceptions for missing properties.

mod thrown;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use worker::js_sys::{Array, ArrayBuffer, Date, Function, Object, Promise, Reflect, Uint8Array};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::{JsFuture, spawn_local};
use worker::web_sys::ReadableStream;

pub(crate) use self::thrown::Thrown;
use crate::error::{Error, Result};

/// The largest number up to which JavaScript represents all integers exactly.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// Returns a property, or `undefined` if it is missing.
pub(crate) fn property(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

/// Returns a property that is a function.
pub(crate) fn method(object: &JsValue, name: &str) -> Result<Function, JsValue> {
    property(object, name).dyn_into()
}

pub(crate) fn text(object: &JsValue, name: &str) -> Option<String> {
    property(object, name).as_string()
}

/// Returns a property that is a non-negative integer.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) fn number(object: &JsValue, name: &str) -> Option<u64> {
    property(object, name).as_f64().filter(|number| *number >= 0.0).map(|number| number as u64)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) fn time(object: &JsValue, name: &str) -> Option<SystemTime> {
    let millis = property(object, name).dyn_ref::<Date>()?.get_time();
    (millis >= 0.0).then(|| UNIX_EPOCH + Duration::from_millis(millis as u64))
}

pub(crate) fn bytes(object: &JsValue, name: &str) -> Option<Vec<u8>> {
    Some(Uint8Array::new(property(object, name).dyn_ref::<ArrayBuffer>()?).to_vec())
}

/// Returns the elements of a property that is an array.
pub(crate) fn elements(object: &JsValue, name: &str) -> Option<Array> {
    property(object, name).dyn_into().ok()
}

/// Reads a stream in pieces of a size that the caller chooses.
///
/// The runtime's own streams accept a buffer to fill, and have [a method that fills it
/// completely][read-at-least]. Streams that JavaScript code creates may not.
///
/// [read-at-least]: https://developers.cloudflare.com/workers/runtime-apis/streams/readablestreambyobreader/
pub(crate) struct PieceReader {
    reader: JsValue,
    read_at_least: Function,
    piece: u32,
    ended: bool,
}

impl PieceReader {
    /// Returns `None` for a stream that accepts no buffer, and leaves it unchanged.
    pub(crate) fn new(stream: &ReadableStream, piece: u32) -> Option<Self> {
        let options = Properties::new();
        options.set("mode", "byob").ok()?;
        let reader = method(stream, "getReader").and_then(|get| get.call1(stream, &options.into())).ok()?;
        let Ok(read_at_least) = method(&reader, "readAtLeast") else {
            method(&reader, "releaseLock").and_then(|release| release.call0(&reader)).ok()?;
            return None;
        };
        Some(Self { reader, read_at_least, piece, ended: false })
    }

    /// Returns the next bytes: a full piece, except at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, JsValue> {
        if self.ended {
            return Ok(None);
        }
        let buffer = Uint8Array::new_with_length(self.piece);
        let read = self.read_at_least.call2(&self.reader, &self.piece.into(), &buffer);
        let read = settled(read.and_then(JsCast::dyn_into)).await?;
        let bytes = property(&read, "value").dyn_into::<Uint8Array>().map(|bytes| bytes.to_vec());
        let bytes = bytes.unwrap_or_default();
        self.ended = bytes.len() < self.piece as usize;
        Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

/// Cancels the stream if the rest is not read.
impl Drop for PieceReader {
    fn drop(&mut self) {
        if !self.ended
            && let Ok(cancel) = method(&self.reader, "cancel")
        {
            let cancelled = cancel.call0(&self.reader).and_then(JsCast::dyn_into);
            // A stream that has failed cannot be cancelled, and its error is known.
            spawn_local(async { drop(settled(cancelled).await) });
        }
    }
}

/// Returns the value of a promise, or the value that was thrown.
pub(crate) async fn settled(promise: Result<Promise, JsValue>) -> Result<JsValue, JsValue> {
    JsFuture::from(promise?).await
}

/// A JavaScript object that is being created.
pub(crate) struct Properties(Object);

impl Properties {
    pub(crate) fn new() -> Self {
        Self(Object::new())
    }

    pub(crate) fn set(&self, name: &str, value: impl Into<JsValue>) -> Result<()> {
        // Only a frozen object or a setter could reject it.
        match Reflect::set(&self.0, &name.into(), &value.into()) {
            Ok(true) => Ok(()),
            _ => Err(Error::invalid_input(format!("JavaScript rejected the property {name:?}"))),
        }
    }

    pub(crate) fn set_if_some(&self, name: &str, value: Option<impl Into<JsValue>>) -> Result<()> {
        value.map_or(Ok(()), |value| self.set(name, value))
    }
}

impl From<Properties> for JsValue {
    fn from(properties: Properties) -> Self {
        properties.0.into()
    }
}

/// Converts a number to JavaScript's. All sizes and offsets of R2 are exact.
#[expect(clippy::cast_precision_loss)]
pub(crate) fn from_u64(number: u64) -> JsValue {
    (number.min(MAX_SAFE_INTEGER) as f64).into()
}

/// Converts a time to a date, truncated to milliseconds.
#[expect(clippy::cast_precision_loss)]
pub(crate) fn from_time(time: SystemTime) -> JsValue {
    let millis = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    Date::new(&(millis as f64).into()).into()
}
