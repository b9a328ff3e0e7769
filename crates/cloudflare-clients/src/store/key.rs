//! The identity of an object.

use std::borrow::Cow;

use crate::error::Result;
use crate::model::r2::{normalize_key, validate_key};

/// A key. R2 identifies an object by the NFC form of its key, and lists the key as it was last uploaded.
#[derive(Debug, Clone)]
pub(super) struct Key {
    canonical: String,
    uploaded: Option<String>,
}

impl Key {
    pub(super) fn new(key: &str) -> Result<Self> {
        validate_key(key)?;
        Ok(match normalize_key(key) {
            Cow::Borrowed(key) => Self { canonical: key.to_owned(), uploaded: None },
            Cow::Owned(canonical) => Self { canonical, uploaded: Some(key.to_owned()) },
        })
    }

    /// The form that the database sorts and looks up by.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.canonical.as_bytes()
    }

    /// The form that was given, if it differs from the canonical one.
    pub(super) fn uploaded(&self) -> Option<&str> {
        self.uploaded.as_deref()
    }

    /// The form that was given.
    pub(super) fn into_given(self) -> String {
        self.uploaded.unwrap_or(self.canonical)
    }
}
