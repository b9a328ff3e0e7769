//! Writes whose answer was lost.

use super::service::R2Service;
use crate::error::{Error, Result};
use crate::model::r2::{CustomMetadata, Object, StoredObject};

impl R2Service {
    /// Looks whether a write whose answer was lost has happened after all: the object there is then its result, and
    /// otherwise `error`. Where that cannot be seen, it fails with why: the write may have happened.
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

/// Whether an object may have been stored with this custom metadata. It tells writes of the same bytes apart.
pub(super) fn may_be_stored_with(object: &Object, custom_metadata: &CustomMetadata) -> bool {
    object.custom_metadata.as_ref().is_none_or(|stored| stored.is_stored_of(custom_metadata))
}

/// Says of the failure of a look-up what it leaves open.
pub(super) fn may_have_happened(unseen: Error) -> Error {
    unseen.explain("the answer to the write was lost, and whether it has happened cannot be seen")
}
