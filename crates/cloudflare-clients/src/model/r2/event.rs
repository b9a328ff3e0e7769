//! Event notifications: what happened to an object.

use std::time::SystemTime;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::time::rfc3339;

/// The JSON body of a message that R2's event notifications put into a queue.
///
/// See [Event notifications](https://developers.cloudflare.com/r2/buckets/event-notifications/). Unknown
/// fields, which R2 may add, are ignored.
///
/// ```
/// use cloudflare_clients::r2::{R2Action, R2Event};
///
/// // A queue consumer's message, or a line that `cfstore serve --events FILE` has written.
/// let event: R2Event = serde_json::from_str(
///     r#"{"account": "3f4b7e3dcab231cbfdaa90a6a28bd548", "action": "PutObject", "bucket": "media",
///         "object": {"key": "a.mp4", "size": 65536, "eTag": "c846ff7a18f28c2e262116d6e8719ef0"},
///         "eventTime": "2026-11-28T19:36:44.379Z"}"#,
/// )?;
/// assert_eq!((event.action, event.object.key.as_str()), (R2Action::PutObject, "a.mp4"));
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct R2Event {
    /// The account id.
    pub account: String,
    /// What happened.
    pub action: R2Action,
    /// The bucket name.
    pub bucket: String,
    /// The object that was stored or deleted.
    pub object: R2EventObject,
    /// When it happened, in milliseconds.
    #[serde(with = "rfc3339")]
    pub event_time: SystemTime,
    /// The source of the copy, for [`R2Action::CopyObject`] only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_source: Option<R2CopySource>,
}

/// The object of an [`R2Event`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct R2EventObject {
    /// The object's key.
    pub key: String,
    /// The size in bytes. `None` for a deleted object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The etag without quotes. `None` for a deleted object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e_tag: Option<String>,
}

/// The source of a copied object in an [`R2Event`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct R2CopySource {
    /// The bucket name.
    pub bucket: String,
    /// The source's key.
    pub object: String,
}

/// The action of an [`R2Event`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum R2Action {
    /// An object was put.
    PutObject,
    /// An object was copied from another object, or from itself.
    CopyObject,
    /// A multipart upload was completed.
    CompleteMultipartUpload,
    /// An object was deleted by a request.
    DeleteObject,
    /// An object was deleted by a lifecycle rule.
    LifecycleDeletion,
    /// An action that this version does not know, with R2's name.
    Other(String),
}

impl R2Action {
    /// R2's name of the action.
    pub fn as_str(&self) -> &str {
        match self {
            Self::PutObject => "PutObject",
            Self::CopyObject => "CopyObject",
            Self::CompleteMultipartUpload => "CompleteMultipartUpload",
            Self::DeleteObject => "DeleteObject",
            Self::LifecycleDeletion => "LifecycleDeletion",
            Self::Other(name) => name,
        }
    }

    /// Whether the object was deleted. R2's event types are `object-delete` and, for all others,
    /// `object-create`. `None` for an action that this version does not know.
    pub fn is_deletion(&self) -> Option<bool> {
        match self {
            Self::DeleteObject | Self::LifecycleDeletion => Some(true),
            Self::Other(_) => None,
            _ => Some(false),
        }
    }
}

impl Serialize for R2Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for R2Action {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let known = [
            Self::PutObject,
            Self::CopyObject,
            Self::CompleteMultipartUpload,
            Self::DeleteObject,
            Self::LifecycleDeletion,
        ];
        Ok(known.into_iter().find(|action| action.as_str() == name).unwrap_or(Self::Other(name)))
    }
}

impl R2Event {
    /// Creates an event with nothing but the object's key.
    pub fn new(
        account: impl Into<String>,
        action: R2Action,
        bucket: impl Into<String>,
        key: impl Into<String>,
        event_time: SystemTime,
    ) -> Self {
        let object = R2EventObject { key: key.into(), size: None, e_tag: None };
        Self { account: account.into(), action, bucket: bucket.into(), object, event_time, copy_source: None }
    }

    /// Sets the size and etag of a stored object.
    #[must_use]
    pub fn with_object(mut self, size: u64, etag: impl Into<String>) -> Self {
        (self.object.size, self.object.e_tag) = (Some(size), Some(etag.into()));
        self
    }

    /// Sets the source of a copy.
    #[must_use]
    pub fn with_copy_source(mut self, bucket: impl Into<String>, key: impl Into<String>) -> Self {
        self.copy_source = Some(R2CopySource { bucket: bucket.into(), object: key.into() });
        self
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    /// The example in Cloudflare's documentation.
    #[test]
    fn an_event_is_read_and_written_as_cloudflare_does() {
        let json = r#"{"account":"3f4b7e3dcab231cbfdaa90a6a28bd548","action":"CopyObject","bucket":"my-bucket","object":{"key":"my-new-object","size":65536,"eTag":"c846ff7a18f28c2e262116d6e8719ef0"},"eventTime":"2024-05-24T19:36:44.379Z","copySource":{"bucket":"my-bucket","object":"my-original-object"}}"#;
        let time = UNIX_EPOCH + Duration::from_millis(1_716_579_404_379);
        let event = R2Event::new(
            "3f4b7e3dcab231cbfdaa90a6a28bd548",
            R2Action::CopyObject,
            "my-bucket",
            "my-new-object",
            time,
        )
        .with_object(65536, "c846ff7a18f28c2e262116d6e8719ef0")
        .with_copy_source("my-bucket", "my-original-object");
        assert_eq!(serde_json::from_str::<R2Event>(json).unwrap(), event);
        assert_eq!(serde_json::to_string(&event).unwrap(), json);
    }

    #[test]
    fn what_is_deleted_has_a_key_alone_and_what_is_new_is_passed_on() {
        let deleted = R2Event::new("a", R2Action::LifecycleDeletion, "media", "k", UNIX_EPOCH);
        let json = serde_json::to_string(&deleted).unwrap();
        assert_eq!(
            json,
            r#"{"account":"a","action":"LifecycleDeletion","bucket":"media","object":{"key":"k"},"eventTime":"1970-01-01T00:00:00.000Z"}"#
        );
        let new = json.replace("LifecycleDeletion", "RestoreObject").replace("\"key\"", "\"tier\":1,\"key\"");
        let event: R2Event = serde_json::from_str(&new).unwrap();
        assert_eq!(event.action, R2Action::Other("RestoreObject".to_owned()));
        assert_eq!([deleted.action.is_deletion(), event.action.is_deletion()], [Some(true), None]);
    }
}
