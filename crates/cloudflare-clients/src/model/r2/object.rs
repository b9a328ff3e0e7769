//! Objects and their metadata.

use std::ops::Deref;
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::checksum::Checksum;
use super::checksums::Checksums;
use super::headers::{content_range, write_http_metadata};
use super::metadata::{CustomMetadata, HttpMetadata};
use super::range::ServedRange;
use super::storage_class::StorageClass;
use crate::body::{Body, ByteStream};
#[cfg(any(feature = "gzip", all(feature = "workers", target_arch = "wasm32")))]
use crate::error::ErrorKind;
use crate::error::{Error, Result};
use crate::transport::headers::{date, value};

/// The properties of an object, as returned by a head, a get and a listing.
///
/// Listed objects have no metadata unless the list request includes it.
///
/// See
/// [R2Object](https://developers.cloudflare.com/r2/api/workers/workers-api-reference/#r2object-definition).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Object {
    /// The object's key.
    pub key: String,
    /// R2's random id of this upload of the key. A Worker's binding and the embedded store return it. Over
    /// S3, only a put returns it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The size in bytes.
    pub size: u64,
    /// The etag, without quotes. It is the MD5 in hex, or `<hex>-<parts>` if the object was uploaded in
    /// parts.
    ///
    /// It is empty if the listing of a service other than R2 omits it. Conditions do not accept an empty
    /// etag; a head may return the actual one.
    pub etag: String,
    /// When the object was uploaded. In whole seconds over S3, except in listings.
    #[serde(with = "crate::time::rfc3339")]
    pub uploaded: SystemTime,
    /// The HTTP headers stored with the object. `None` if a listing omitted them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_metadata: Option<HttpMetadata>,
    /// The custom metadata stored with the object. `None` if a listing omitted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_metadata: Option<CustomMetadata>,
    /// The checksums that the service returned.
    #[serde(default, skip_serializing_if = "Checksums::is_empty")]
    pub checksums: Checksums,
    /// The storage class, if the service returned it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<StorageClass>,
    /// The range of bytes that a ranged get returned, or the range of the part that a get or head requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<ServedRange>,
    /// The number of parts, if a get or head requested a part. `None` means that the object was not uploaded
    /// in parts, so that part 1 is all of it, or that the service does not return the number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parts_count: Option<u16>,
    /// The MD5, in hex, of the customer's key with which the object is encrypted. The etag of such an object
    /// is not the MD5 of its bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssec_key_md5: Option<String>,
}

impl Object {
    /// Creates an object without metadata.
    pub fn new(key: impl Into<String>, size: u64, etag: impl Into<String>, uploaded: SystemTime) -> Self {
        Self {
            key: key.into(),
            version: None,
            size,
            etag: etag.into(),
            uploaded,
            http_metadata: None,
            custom_metadata: None,
            checksums: Checksums::default(),
            storage_class: None,
            range: None,
            parts_count: None,
            ssec_key_md5: None,
        }
    }

    /// The etag in quotes, as HTTP headers carry it.
    pub fn http_etag(&self) -> String {
        format!("\"{}\"", self.etag)
    }

    /// The MD5 of the object's bytes, if its etag is one.
    pub(crate) fn md5_of_etag(&self) -> Option<Checksum> {
        Checksum::from_etag(&self.etag).filter(|_| self.ssec_key_md5.is_none())
    }

    /// The `Content-Type` that the object is stored with.
    pub fn content_type(&self) -> Option<&str> {
        self.http_metadata.as_ref()?.content_type.as_deref()
    }

    /// The custom metadata with this name, ignoring the case of ASCII letters.
    pub fn metadata(&self, name: &str) -> Option<&str> {
        self.custom_metadata.as_ref()?.get(name)
    }

    /// The headers of a response to a GET or HEAD with this object: its HTTP metadata, `ETag`,
    /// `Last-Modified`, `Accept-Ranges` and `Content-Length`. For a ranged get, a 206, also `Content-Range`.
    /// Custom metadata is not included.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind): a header cannot carry the stored metadata.
    pub fn response_headers(&self) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        if let Some(metadata) = &self.http_metadata {
            write_http_metadata(metadata, &mut headers)?;
        }
        headers.insert(header::ETAG, value("etag", &self.http_etag())?);
        headers.insert(header::LAST_MODIFIED, date("upload time", self.uploaded)?);
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(header::CONTENT_LENGTH, self.range.map_or(self.size, |range| range.length).into());
        if let Some(range) = self.range {
            headers.insert(header::CONTENT_RANGE, value("range", &content_range(range, self.size))?);
        }
        Ok(headers)
    }
}

impl Error {
    /// Adds the properties of the object that a condition or range was checked against, in a custom
    /// [`Bucket`](crate::r2::Bucket). See [`Error::etag`], [`Error::size`] and [`Error::response_headers`].
    #[must_use]
    pub fn with_object(self, object: &Object) -> Self {
        let http = object.http_metadata.as_ref();
        let cache_control = http.and_then(|http| http.cache_control.as_deref());
        let expiry = http.and_then(|http| http.cache_expiry);
        // Values that headers cannot carry are omitted.
        let headers = [
            value("etag", &object.http_etag()).ok(),
            date("upload time", object.uploaded).ok(),
            cache_control.and_then(|text| value("cache control", text).ok()),
            expiry.and_then(|time| date("cache expiry", time).ok()),
        ];
        self.with_refused(object.size, headers)
    }
}

/// An object and its bytes, as returned by a get.
///
/// It derefs to its [`Object`].
#[derive(Debug)]
#[non_exhaustive]
pub struct ObjectBody {
    /// The object's properties.
    pub object: Object,
    /// The object's bytes, or the requested range of them.
    pub body: Body,
}

impl ObjectBody {
    /// Creates an object with its bytes.
    pub fn new(object: Object, body: impl Into<Body>) -> Self {
        Self { object, body: body.into().received() }
    }

    /// Reads all bytes: [`Body::bytes`].
    pub async fn bytes(self) -> Result<Bytes> {
        self.body.bytes().await
    }

    /// Reads all bytes as UTF-8: [`Body::text`].
    pub async fn text(self) -> Result<String> {
        self.body.text().await
    }

    /// Reads all bytes as JSON: [`Body::json`].
    pub async fn json<T: DeserializeOwned>(self) -> Result<T> {
        self.body.json().await
    }

    /// Returns the bytes as a stream of pieces: [`Body::into_stream`].
    pub fn into_stream(self) -> ByteStream {
        self.body.into_stream()
    }

    /// Writes all bytes to a file: [`Body::write_to_file`].
    #[cfg(not(target_arch = "wasm32"))]
    pub async fn write_to_file(self, path: impl AsRef<std::path::Path>) -> Result<u64> {
        self.body.write_to_file(path).await
    }

    /// Decodes the bytes from the `Content-Encoding` that the object is stored with. Gzip is decoded as it
    /// arrives. An object without an encoding, or with `identity`, stays as it is. Without this method, a get
    /// returns the stored bytes.
    ///
    /// A [limit](Body::limit) applies to the decoded bytes, of which there may be a thousand times as many.
    /// Their number is not known in advance. The stored bytes are verified, and fetched again if damaged, as
    /// for every get. [Progress](Self::on_progress) that was requested before counts stored bytes.
    ///
    /// Reading fails with [`ErrorKind::Serialization`] if the bytes are not gzip, end too early, or continue
    /// after the end: an object is one member of
    /// [RFC 1952](https://www.rfc-editor.org/rfc/rfc1952#section-2.2).
    ///
    /// ```
    /// # use cloudflare_clients::{LocalBucket, r2::R2Service};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> cloudflare_clients::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let r2 = R2Service::new(LocalBucket::open(folder.path(), "media").await?);
    /// # let gzip: &[u8] = &[
    /// #     31, 139, 8, 0, 0, 0, 0, 0, 0, 255, 203, 72, 205, 201, 201, 7, 0, 134, 166, 16, 54, 5, 0, 0, 0,
    /// # ];
    /// r2.put("hello.txt", gzip.to_vec()).content_encoding("gzip").await?;
    /// if let Some(object) = r2.get("hello.txt").await? {
    ///     assert_eq!(object.decoded()?.limit(1024).text().await?, "hello");
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`] for another encoding, which the error names. [`ErrorKind::InvalidInput`]
    /// for a range of an encoded object, which cannot be decoded on its own.
    #[cfg(any(feature = "gzip", all(feature = "workers", target_arch = "wasm32")))]
    pub fn decoded(self) -> Result<Body> {
        let Self { object, body } = self;
        let encoding =
            object.http_metadata.as_ref().and_then(|metadata| metadata.content_encoding.as_deref());
        let encoding = encoding.unwrap_or_default();
        let is = |name: &str| encoding.eq_ignore_ascii_case(name);
        let refused = if is("") || is("identity") {
            return Ok(body);
        } else if !is("gzip") && !is("x-gzip") {
            let message = format!(
                "the object is stored with the Content-Encoding {encoding:?}: only gzip can be decoded"
            );
            Error::new(ErrorKind::Serialization, message).about_stored()
        } else if object.range.is_some() {
            Error::invalid_input(
                "a range of an object that is stored as gzip cannot be decoded: get the whole object",
            )
        } else {
            return Ok(body.gunzipped());
        };
        Err(refused.during("get", Some(&object.key)).of_answer())
    }

    /// Calls `report(done, total)` as bytes are read: [`Body::on_progress`].
    #[must_use]
    pub fn on_progress(mut self, report: impl Fn(u64, Option<u64>) + Send + Sync + 'static) -> Self {
        self.body = self.body.on_progress(report);
        self
    }

    /// Sets how many bytes are read into memory at most: [`Body::limit`].
    #[must_use]
    pub fn limit(mut self, bytes: u64) -> Self {
        self.body = self.body.limit(bytes);
        self
    }
}

impl Deref for ObjectBody {
    type Target = Object;

    fn deref(&self) -> &Object {
        &self.object
    }
}

/// The properties of an object that was just written.
///
/// The S3 API returns the etag of a written object and little else, and a [`Bucket`](crate::r2::Bucket)
/// returns only what the service returned. After a put or an upload, [`R2Service`](crate::r2::R2Service) adds
/// what it sent: the size, the metadata and the storage class. Unknown values are `None`, such as the size of
/// a copy over S3; a head returns them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct StoredObject {
    /// The object's key.
    pub key: String,
    /// The etag, without quotes.
    pub etag: String,
    /// R2's random id of this upload of the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// When the object was uploaded. Over S3 it is the time of the response, in whole seconds: its `Date`, or
    /// the time in the response to a copy.
    #[serde(default, with = "crate::time::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub uploaded: Option<SystemTime>,
    /// The HTTP headers stored with the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_metadata: Option<HttpMetadata>,
    /// The custom metadata stored with the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_metadata: Option<CustomMetadata>,
    /// The storage class of the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<StorageClass>,
    /// The checksums that the service returned.
    #[serde(default, skip_serializing_if = "Checksums::is_empty")]
    pub checksums: Checksums,
    /// The MD5, in hex, of the customer's key with which the object is encrypted. The etag of such an object
    /// is not the MD5 of its bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssec_key_md5: Option<String>,
}

impl StoredObject {
    /// Creates a written object with only its key and etag.
    pub fn new(key: impl Into<String>, etag: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            etag: etag.into(),
            version: None,
            size: None,
            uploaded: None,
            http_metadata: None,
            custom_metadata: None,
            storage_class: None,
            checksums: Checksums::default(),
            ssec_key_md5: None,
        }
    }

    /// The etag in quotes, as HTTP headers carry it.
    pub fn http_etag(&self) -> String {
        format!("\"{}\"", self.etag)
    }

    /// The MD5 of the object's bytes, if its etag is one.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn md5_of_etag(&self) -> Option<Checksum> {
        Checksum::from_etag(&self.etag).filter(|_| self.ssec_key_md5.is_none())
    }
}

impl From<Object> for StoredObject {
    fn from(object: Object) -> Self {
        Self {
            key: object.key,
            etag: object.etag,
            version: object.version,
            size: Some(object.size),
            uploaded: Some(object.uploaded),
            http_metadata: object.http_metadata,
            custom_metadata: object.custom_metadata,
            storage_class: object.storage_class,
            checksums: object.checksums,
            ssec_key_md5: object.ssec_key_md5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn response_headers_describe_what_is_sent() {
        let uploaded = SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(784_111_777_500);
        let mut object = Object::new("a", 10, "abc", uploaded);
        object.http_metadata =
            Some(HttpMetadata { content_encoding: Some("gzip".to_owned()), ..HttpMetadata::default() });
        let headers = |object: &Object| {
            let headers = object.response_headers().unwrap();
            let lines = headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
            let mut lines: Vec<_> = lines.collect();
            lines.sort();
            lines
        };
        let whole = [
            "accept-ranges: bytes",
            "content-encoding: gzip",
            "content-length: 10",
            "etag: \"abc\"",
            "last-modified: Sun, 06 Nov 1994 08:49:37 GMT",
        ];
        assert_eq!(headers(&object), whole);
        object.range = Some(ServedRange { offset: 2, length: 3 });
        let ranged = headers(&object);
        assert!(ranged.contains(&"content-length: 3".to_owned()), "{ranged:?}");
        assert!(ranged.contains(&"content-range: bytes 2-4/10".to_owned()), "{ranged:?}");
    }
}
