//! Writes whose answer was lost.

use super::service::R2Service;
use crate::error::{Error, Result};
use crate::model::r2::{CustomMetadata, Object, StoredObject};

impl R2Service {
    /// Looks whether a write whose answer was lost has happened after all: the object there is then its result, and
    /// otherwise `error`.
    pub(super) async fn unless_stored(
        &self,
        key: &str,
        error: Error,
        is_result: impl Fn(&Object) -> bool + Send,
    ) -> Result<StoredObject> {
        match self.head(key).await {
            Ok(Some(object)) if is_result(&object) => Ok(object.into()),
            Ok(_) => Err(error),
            Err(unknown) => {
                tracing::warn!(key, error = %unknown, "whether a write whose answer was lost has happened is unknown");
                Err(error)
            }
        }
    }
}

/// Whether an object may have been stored with this custom metadata, which tells writes of the same bytes apart.
pub(super) fn may_have(object: &Object, custom_metadata: &CustomMetadata) -> bool {
    object.custom_metadata.as_ref().is_none_or(|stored| stored.is_stored_of(custom_metadata))
}
