//! The options of the binding's methods. See [the Workers
//! API](https://developers.cloudflare.com/r2/api/workers/workers-api-reference/#method-specific-types).

use http::HeaderMap;
use worker::js_sys::{Array, ArrayBuffer, Uint8Array};
use worker::wasm_bindgen::JsValue;

use super::headers;
use crate::error::{Error, Result};
use crate::js::{Properties, from_time, from_u64};
use crate::model::r2::condition_headers::ConditionHeaders;
use crate::r2::{
    Checksum, Conditional, CreateMultipartUploadRequest, CustomMetadata, EtagList, GetRequest, HttpMetadata,
    ListRequest, PutRequest, Range, SseCustomerKey, StorageClass,
};

pub(super) fn get(request: &GetRequest) -> Result<JsValue> {
    let options = Properties::new();
    options.set_if_some("range", request.range.map(range).transpose()?)?;
    options.set_if_some("onlyIf", only_if(&request.only_if)?)?;
    options.set_if_some("ssecKey", request.ssec_key.as_ref().map(key_bytes))?;
    Ok(options.into())
}

pub(super) fn put(request: &PutRequest) -> Result<JsValue> {
    let options = Properties::new();
    set_metadata(&options, &request.http_metadata, &request.custom_metadata, request.storage_class)?;
    options.set_if_some("onlyIf", only_if(&request.only_if)?)?;
    options.set_if_some("ssecKey", request.ssec_key.as_ref().map(key_bytes))?;
    if let Some(checksum) = &request.checksum {
        options.set(checksum_option(checksum)?, Uint8Array::from(checksum.as_bytes()))?;
    }
    Ok(options.into())
}

pub(super) fn create_multipart_upload(request: &CreateMultipartUploadRequest) -> Result<JsValue> {
    let options = Properties::new();
    set_metadata(&options, &request.http_metadata, &request.custom_metadata, request.storage_class)?;
    options.set_if_some("ssecKey", request.ssec_key.as_ref().map(key_bytes))?;
    Ok(options.into())
}

/// Options for a part that is encrypted with the customer's key.
pub(super) fn upload_part(key: &SseCustomerKey) -> Result<JsValue> {
    let options = Properties::new();
    options.set("ssecKey", key_bytes(key))?;
    Ok(options.into())
}

fn key_bytes(key: &SseCustomerKey) -> ArrayBuffer {
    Uint8Array::from(&key.expose()[..]).buffer()
}

pub(super) fn list(request: &ListRequest) -> Result<JsValue> {
    let options = Properties::new();
    if !request.prefix.is_empty() {
        options.set("prefix", request.prefix.as_str())?;
    }
    options.set_if_some("delimiter", request.delimiter.as_deref())?;
    options.set_if_some("cursor", request.cursor.as_deref())?;
    options.set_if_some("startAfter", request.start_after.as_deref())?;
    options.set_if_some("limit", request.limit)?;
    if request.include_metadata {
        let include: Array = ["httpMetadata", "customMetadata"].map(JsValue::from).into_iter().collect();
        options.set("include", include)?;
    }
    Ok(options.into())
}

fn set_metadata(
    options: &Properties,
    http: &HttpMetadata,
    custom: &CustomMetadata,
    storage_class: Option<StorageClass>,
) -> Result<()> {
    if *http != HttpMetadata::default() {
        let metadata = Properties::new();
        http.texts().try_for_each(|(field, text)| metadata.set(field.property, text))?;
        metadata.set_if_some("cacheExpiry", http.cache_expiry.map(from_time))?;
        options.set("httpMetadata", metadata)?;
    }
    if !custom.is_empty() {
        let metadata = Properties::new();
        custom.iter().try_for_each(|(name, value)| metadata.set(name, value))?;
        options.set("customMetadata", metadata)?;
    }
    options.set_if_some("storageClass", storage_class.map(StorageClass::as_str))
}

fn checksum_option(checksum: &Checksum) -> Result<&'static str> {
    match checksum {
        Checksum::Md5(_)
        | Checksum::Sha1(_)
        | Checksum::Sha256(_)
        | Checksum::Sha384(_)
        | Checksum::Sha512(_) => Ok(checksum.algorithm().name()),
        _ => Err(Error::unsupported(format!(
            "the binding does not support {} checksums: use md5, sha1, sha256, sha384 or sha512",
            checksum.algorithm()
        ))),
    }
}

fn range(range: Range) -> Result<Properties> {
    let (offset, length, suffix) = match range {
        Range::OffsetWithLength { offset, length } => (Some(offset), Some(length), None),
        Range::OffsetToEnd { offset } => (Some(offset), None, None),
        Range::Prefix { length } => (Some(0), Some(length), None),
        Range::Suffix { suffix } => (None, None, Some(suffix)),
    };
    let options = Properties::new();
    options.set_if_some("offset", offset.map(from_u64))?;
    options.set_if_some("length", length.map(from_u64))?;
    options.set_if_some("suffix", suffix.map(from_u64))?;
    Ok(options)
}

/// HTTP headers express all conditions except times in milliseconds. For these the binding's own conditions
/// are used, which allow one etag each.
fn only_if(only_if: &Conditional) -> Result<Option<JsValue>> {
    if only_if.is_empty() {
        return Ok(None);
    }
    let has_times = only_if.uploaded_before.is_some() || only_if.uploaded_after.is_some();
    if !has_times || only_if.seconds_granularity {
        only_if.validate()?;
        let mut headers = HeaderMap::new();
        ConditionHeaders::HTTP.write(only_if, &mut headers)?;
        return Ok(Some(headers::to_js(&headers)?.0.into()));
    }
    only_if.validate()?;
    let conditions = Properties::new();
    conditions.set_if_some("etagMatches", only_if.etag_matches.as_ref().map(single_etag).transpose()?)?;
    conditions.set_if_some(
        "etagDoesNotMatch",
        only_if.etag_does_not_match.as_ref().map(single_etag).transpose()?,
    )?;
    conditions.set_if_some("uploadedBefore", only_if.uploaded_before.map(from_time))?;
    conditions.set_if_some("uploadedAfter", only_if.uploaded_after.map(from_time))?;
    Ok(Some(conditions.into()))
}

fn single_etag(etags: &EtagList) -> Result<&str> {
    match etags {
        EtagList::Any => Ok("*"),
        EtagList::OneOf(etags) => match &etags[..] {
            [etag] if !etag.weak => Ok(&etag.value),
            _ => Err(Error::unsupported(
                "the binding compares times in milliseconds only together with one strong etag: set `seconds_granularity`",
            )),
        },
    }
}
