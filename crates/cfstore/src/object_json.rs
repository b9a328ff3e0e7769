//! Objects as JSON, with the names of the [Workers API](https://developers.cloudflare.com/r2/api/workers/workers-api-reference/#r2object-definition).

use std::collections::BTreeMap;
use std::time::SystemTime;

use cloudflare_clients::r2::{HttpMetadata, Object, StoredObject};
use serde::Serialize;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ObjectJson<'a> {
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    etag: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    uploaded: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_metadata: Option<HttpMetadataJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_metadata: Option<BTreeMap<&'a str, &'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_class: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HttpMetadataJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_language: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_disposition: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_encoding: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_expiry: Option<String>,
}

impl<'a> From<&'a Object> for ObjectJson<'a> {
    fn from(object: &'a Object) -> Self {
        Self {
            key: &object.key,
            version: object.version.as_deref(),
            size: Some(object.size),
            etag: &object.etag,
            uploaded: Some(rfc3339(object.uploaded)),
            http_metadata: object.http_metadata.as_ref().map(HttpMetadataJson::from),
            custom_metadata: object.custom_metadata.as_ref().map(|metadata| metadata.iter().collect()),
            storage_class: object.storage_class.map(cloudflare_clients::r2::StorageClass::as_str),
        }
    }
}

impl<'a> From<&'a StoredObject> for ObjectJson<'a> {
    fn from(stored: &'a StoredObject) -> Self {
        Self {
            key: &stored.key,
            version: stored.version.as_deref(),
            size: stored.size,
            etag: &stored.etag,
            uploaded: stored.uploaded.map(rfc3339),
            http_metadata: None,
            custom_metadata: None,
            storage_class: None,
        }
    }
}

impl<'a> From<&'a HttpMetadata> for HttpMetadataJson<'a> {
    fn from(metadata: &'a HttpMetadata) -> Self {
        Self {
            content_type: metadata.content_type.as_deref(),
            content_language: metadata.content_language.as_deref(),
            content_disposition: metadata.content_disposition.as_deref(),
            content_encoding: metadata.content_encoding.as_deref(),
            cache_control: metadata.cache_control.as_deref(),
            cache_expiry: metadata.cache_expiry.map(rfc3339),
        }
    }
}

/// Whole seconds, for people.
pub(crate) fn rfc3339_seconds(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(in_range(time)).to_string()
}

pub(crate) fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(in_range(time)).to_string()
}

/// Four digits of a year is what the format has, and a service can say anything.
fn in_range(time: SystemTime) -> SystemTime {
    let last = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(253_402_300_799);
    time.clamp(SystemTime::UNIX_EPOCH, last)
}
