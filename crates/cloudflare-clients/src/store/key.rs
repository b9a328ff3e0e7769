//! What identifies an object.

use std::borrow::Cow;

use crate::error::Result;
use crate::model::r2::{normalize_key, validate_key};

/// A key: R2 takes keys of one NFC form for one object and lists it as it was last uploaded.
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

    /// What the database orders and finds by.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.canonical.as_bytes()
    }

    /// The form it was given in, where that is not the canonical one.
    pub(super) fn uploaded(&self) -> Option<&str> {
        self.uploaded.as_deref()
    }

    /// The form it was given in.
    pub(super) fn into_given(self) -> String {
        self.uploaded.unwrap_or(self.canonical)
    }
}
