//! The metadata of objects.

use std::time::SystemTime;

use http::{HeaderName, header};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error_code::METADATA_TOO_LARGE;
use super::limits::MAX_CUSTOM_METADATA;
use crate::error::{Error, Result};
use crate::json;
use crate::transport::headers;

/// The HTTP headers that are stored with an object and sent with it.
///
/// See
/// [R2HTTPMetadata](https://developers.cloudflare.com/r2/api/workers/workers-api-reference/#http-metadata).
///
/// ```
/// use cloudflare_clients::r2::HttpMetadata;
///
/// let metadata = HttpMetadata::new().content_type("video/mp4").cache_control("public, max-age=3600");
/// assert_eq!(metadata.content_type.as_deref(), Some("video/mp4"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[must_use]
pub struct HttpMetadata {
    /// `Content-Type`, such as `video/mp4`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// `Content-Language`, such as `en`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    /// `Content-Disposition`, such as `attachment; filename="a.mp4"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    /// `Content-Encoding`, such as `gzip`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    /// `Cache-Control`, such as `public, max-age=3600`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    /// `Expires`, in whole seconds.
    #[serde(default, with = "crate::time::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub cache_expiry: Option<SystemTime>,
}

/// A text field of [`HttpMetadata`].
pub(crate) struct TextField {
    pub(crate) header: HeaderName,
    /// The name in the binding.
    #[cfg_attr(not(all(feature = "workers", target_arch = "wasm32")), expect(dead_code))]
    pub(crate) property: &'static str,
    /// The name in errors.
    pub(crate) what: &'static str,
}

/// All fields except the expiry, in the order of their declaration.
static TEXT_FIELDS: [TextField; 5] = [
    TextField { header: header::CONTENT_TYPE, property: "contentType", what: "content type" },
    TextField { header: header::CONTENT_LANGUAGE, property: "contentLanguage", what: "content language" },
    TextField {
        header: header::CONTENT_DISPOSITION,
        property: "contentDisposition",
        what: "content disposition",
    },
    TextField { header: header::CONTENT_ENCODING, property: "contentEncoding", what: "content encoding" },
    TextField { header: header::CACHE_CONTROL, property: "cacheControl", what: "cache control" },
];

impl HttpMetadata {
    /// Creates metadata without headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `Content-Type`.
    pub fn content_type(mut self, value: impl Into<String>) -> Self {
        self.content_type = Some(value.into());
        self
    }

    /// Sets `Content-Language`.
    pub fn content_language(mut self, value: impl Into<String>) -> Self {
        self.content_language = Some(value.into());
        self
    }

    /// Sets `Content-Disposition`.
    pub fn content_disposition(mut self, value: impl Into<String>) -> Self {
        self.content_disposition = Some(value.into());
        self
    }

    /// Sets `Content-Encoding`.
    pub fn content_encoding(mut self, value: impl Into<String>) -> Self {
        self.content_encoding = Some(value.into());
        self
    }

    /// Sets `Cache-Control`.
    pub fn cache_control(mut self, value: impl Into<String>) -> Self {
        self.cache_control = Some(value.into());
        self
    }

    /// Sets `Expires`, in whole seconds.
    pub fn cache_expiry(mut self, time: SystemTime) -> Self {
        self.cache_expiry = Some(time);
        self
    }

    /// Replaces the fields that are set in `other`.
    pub fn merge(&mut self, other: Self) {
        let Self {
            content_type,
            content_language,
            content_disposition,
            content_encoding,
            cache_control,
            cache_expiry,
        } = other;
        let texts = [
            (&mut self.content_type, content_type),
            (&mut self.content_language, content_language),
            (&mut self.content_disposition, content_disposition),
            (&mut self.content_encoding, content_encoding),
            (&mut self.cache_control, cache_control),
        ];
        for (field, given) in texts {
            *field = given.or(field.take());
        }
        self.cache_expiry = cache_expiry.or(self.cache_expiry);
    }

    /// The text fields that are set.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&'static TextField, &str)> {
        let Self {
            content_type,
            content_language,
            content_disposition,
            content_encoding,
            cache_control,
            cache_expiry: _,
        } = self;
        let texts = [content_type, content_language, content_disposition, content_encoding, cache_control];
        TEXT_FIELDS.iter().zip(texts).filter_map(|(field, text)| Some((field, text.as_deref()?)))
    }

    /// Creates metadata from these text fields, without an expiry.
    pub(crate) fn from_texts(text: impl Fn(&TextField) -> Option<String>) -> Self {
        let [content_type, content_language, content_disposition, content_encoding, cache_control] =
            TEXT_FIELDS.each_ref().map(text);
        Self {
            content_type,
            content_language,
            content_disposition,
            content_encoding,
            cache_control,
            cache_expiry: None,
        }
    }

    /// Refuses values that headers cannot carry.
    pub(crate) fn validate(&self) -> Result<()> {
        self.texts().try_for_each(|(field, text)| headers::value(field.what, text).map(drop))
    }
}

/// The custom metadata of an object: names and values, at most 8,192 bytes in total.
///
/// Over S3, names are header tokens and are returned in lower case, so lookups ignore the case of ASCII
/// letters. Values may be any text without control characters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CustomMetadata(
    /// Sorted by name. There are few.
    Vec<(String, String)>,
);

impl CustomMetadata {
    /// The value with this name, ignoring the case of ASCII letters.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find_map(|(known, value)| known.eq_ignore_ascii_case(name).then_some(value))
    }

    /// Adds the names and values of `other`, replacing existing ones.
    pub fn merge(&mut self, other: Self) {
        other.0.into_iter().for_each(|(name, value)| self.insert(name, value));
    }

    /// Sets a value, replacing one whose name differs only in case.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let name = name.into();
        self.0.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
        let place = self.0.partition_point(|(known, _)| *known < name);
        self.0.insert(place, (name, value.into()));
    }

    /// Iterates over names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The number of names.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no names.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether R2 may return this for `given`: with names in lower case, and without the spaces around
    /// values.
    pub(crate) fn is_stored_of(&self, given: &Self) -> bool {
        let is_given =
            |(name, value): (&str, &str)| given.get(name).map(str::trim_ascii) == Some(value.trim_ascii());
        self.len() == given.len() && self.iter().all(is_given)
    }

    /// Refuses empty names, and more bytes than R2 accepts.
    pub(crate) fn validate(&self) -> Result<()> {
        let bytes: usize = self.0.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > MAX_CUSTOM_METADATA {
            return Err(Error::invalid_input(format!(
                "the custom metadata has {bytes} bytes, including names: R2 accepts at most {MAX_CUSTOM_METADATA}"
            ))
            .with_code(METADATA_TOO_LARGE.name));
        }
        if self.iter().any(|(name, _)| name.is_empty()) {
            return Err(Error::invalid_input("a name in the custom metadata is empty"));
        }
        Ok(())
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for CustomMetadata {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut metadata = Self::default();
        pairs.into_iter().for_each(|(name, value)| metadata.insert(name, value));
        metadata
    }
}

/// Serializes as an object: `{"name": "value"}`.
impl Serialize for CustomMetadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for CustomMetadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        json::texts_by_name(deserializer).map(Self::from_iter)
    }
}

/// All metadata that is stored with an object, for example to replace that of a copy's source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectMetadata {
    /// The HTTP headers, such as `Content-Type`.
    pub http_metadata: HttpMetadata,
    /// The custom names and values.
    pub custom_metadata: CustomMetadata,
}

impl ObjectMetadata {
    /// Creates the metadata from both kinds.
    pub fn new(http_metadata: HttpMetadata, custom_metadata: CustomMetadata) -> Self {
        Self { http_metadata, custom_metadata }
    }

    /// Checks the metadata against R2's rules.
    pub(crate) fn validate(&self) -> Result<()> {
        self.http_metadata.validate()?;
        self.custom_metadata.validate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn metadata_lookups_ignore_ascii_case() {
        let mut metadata: CustomMetadata = [("uploadedBy", "app")].into_iter().collect();
        assert_eq!(metadata.get("uploadedby"), Some("app"));
        metadata.insert("UPLOADEDBY", "web");
        assert_eq!(metadata.len(), 1);
        assert_eq!(metadata.get("uploadedBy"), Some("web"));
    }

    #[test]
    fn the_metadata_limit_counts_bytes_of_names_and_values() {
        let metadata = |value: String| [("n", value)].into_iter().collect::<CustomMetadata>();
        assert!(metadata("v".repeat(8191)).validate().is_ok());
        for value in ["v".repeat(8192), "é".repeat(4096)] {
            let error = metadata(value).validate().unwrap_err();
            assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidInput, Some("MetadataTooLarge")));
            assert!(error.message().contains("has 8193 bytes, including names"), "{error}");
        }
    }
}
