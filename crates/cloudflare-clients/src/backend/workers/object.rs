//! Objects that the binding returns.
//!
//! Properties are read one by one and may be absent: listed objects only have metadata if it was requested.

use worker::js_sys::{Array, Object as JsObject};
use worker::wasm_bindgen::{JsCast, JsValue};

use crate::error::{Error, Result};
use crate::js;
use crate::r2::{
    Checksum, ChecksumAlgorithm, Checksums, CustomMetadata, HttpMetadata, ListPage, Object, StorageClass,
};

const ALGORITHMS: [ChecksumAlgorithm; 5] = [
    ChecksumAlgorithm::Md5,
    ChecksumAlgorithm::Sha1,
    ChecksumAlgorithm::Sha256,
    ChecksumAlgorithm::Sha384,
    ChecksumAlgorithm::Sha512,
];

/// Reads an
/// [R2Object](https://developers.cloudflare.com/r2/api/workers/workers-api-reference/#r2object-definition),
/// without its range.
pub(super) fn object(found: &JsValue) -> Result<Object> {
    let missing = |name| move || unexpected(name);
    let key = js::text(found, "key").ok_or_else(missing("key"))?;
    let size = js::number(found, "size").ok_or_else(missing("size"))?;
    let etag = js::text(found, "etag").ok_or_else(missing("etag"))?;
    let uploaded = js::time(found, "uploaded").ok_or_else(missing("uploaded"))?;
    let mut object = Object::new(key, size, etag, uploaded);
    object.version = js::text(found, "version");
    object.http_metadata = metadata(found, "httpMetadata").map(|metadata| http_metadata(&metadata));
    object.custom_metadata = metadata(found, "customMetadata").map(|metadata| custom_metadata(&metadata));
    object.checksums = checksums(&js::property(found, "checksums"));
    object.ssec_key_md5 = js::text(found, "ssecKeyMd5");
    object.storage_class = match js::text(found, "storageClass").as_deref() {
        Some("Standard") => Some(StorageClass::Standard),
        Some("InfrequentAccess") => Some(StorageClass::InfrequentAccess),
        _ => None,
    };
    Ok(object)
}

/// Reads an
/// [R2Objects](https://developers.cloudflare.com/r2/api/workers/workers-api-reference/#r2objects-definition).
pub(super) fn page(page: &JsValue) -> Result<ListPage> {
    let objects = js::elements(page, "objects").ok_or_else(|| unexpected("objects"))?;
    let prefixes = js::elements(page, "delimitedPrefixes").unwrap_or_default();
    Ok(ListPage {
        objects: objects.iter().map(|found| object(&found)).collect::<Result<_>>()?,
        delimited_prefixes: prefixes.iter().filter_map(|prefix| prefix.as_string()).collect(),
        truncated: js::property(page, "truncated").is_truthy(),
        cursor: js::text(page, "cursor"),
    })
}

pub(super) fn unexpected(name: &str) -> Error {
    Error::unexpected(format!("the binding returned an object without `{name}`"))
}

fn metadata(found: &JsValue, name: &str) -> Option<JsObject> {
    js::property(found, name).dyn_into().ok()
}

fn http_metadata(metadata: &JsObject) -> HttpMetadata {
    HttpMetadata {
        cache_expiry: js::time(metadata, "cacheExpiry"),
        ..HttpMetadata::from_texts(|field| js::text(metadata, field.property))
    }
}

fn custom_metadata(metadata: &JsObject) -> CustomMetadata {
    let pair = |entry: JsValue| {
        let entry = entry.dyn_into::<Array>().ok()?;
        Some((entry.get(0).as_string()?, entry.get(1).as_string()?))
    };
    JsObject::entries(metadata).iter().filter_map(pair).collect()
}

fn checksums(found: &JsValue) -> Checksums {
    let mut checksums = Checksums::default();
    for algorithm in ALGORITHMS {
        let bytes = js::bytes(found, algorithm.name());
        if let Some(checksum) = bytes.and_then(|bytes| Checksum::from_bytes(algorithm, &bytes)) {
            checksums.insert(checksum);
        }
    }
    checksums
}
