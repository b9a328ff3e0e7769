//! Writes whose response was lost.

use super::service::R2Service;
use crate::error::{Error, Result};
use crate::model::r2::{CustomMetadata, Object, StoredObject};

impl R2Service {
    /// Checks whether a write without a response succeeded. If the current object is its result, returns the
    /// object, otherwise `error`. If the check fails, returns why: the write may have succeeded.
    pub(super) async fn unless_stored(
        &self,
        key: &str,
        error: Error,
        is_result: impl Fn(&Object) -> bool + Send,
    ) -> Result<StoredObject> {
        match self.head(key).await {
            Ok(Some(object)) if is_result(&object) => Ok(object.into()),
            Ok(_) => Err(error),
            Err(unseen) => Err(may_have_happened(unseen)),
        }
    }
}

/// Whether an object may have been stored with this custom metadata, which distinguishes writes of the same
/// bytes.
pub(super) fn may_be_stored_with(object: &Object, custom_metadata: &CustomMetadata) -> bool {
    object.custom_metadata.as_ref().is_none_or(|stored| stored.is_stored_of(custom_metadata))
}

/// Adds to the error of a check that the write may have succeeded.
pub(super) fn may_have_happened(unseen: Error) -> Error {
    unseen.explain("the response to the write was lost, and checking whether it succeeded failed")
}
