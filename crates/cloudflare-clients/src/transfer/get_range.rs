//! A range of a known object.

use crate::error::{Error, ErrorKind, Result};
use crate::model::r2::{Conditional, Object, ObjectBody, Range, ServedRange};
use crate::r2::R2Service;

/// Gets these bytes of exactly this object. If its key now has another object, fails with
/// [`ErrorKind::PreconditionFailed`].
pub(super) async fn get_range(
    service: &R2Service,
    object: &Object,
    asked: ServedRange,
) -> Result<ObjectBody> {
    let ServedRange { offset, length } = asked;
    let mut get = service.get(&object.key).range(Range::OffsetWithLength { offset, length });
    if !object.etag.is_empty() {
        get = get.only_if(Conditional::new().etag_matches(&object.etag));
    }
    let found = match get.await {
        Ok(Some(found)) if found.etag == object.etag && found.size == object.size => found,
        Ok(_) => return Err(replaced()),
        Err(error) if error.kind() == ErrorKind::PreconditionFailed => {
            return Err(replaced().with_source(error));
        }
        Err(error) => return Err(error),
    };
    if found.range.unwrap_or(ServedRange { offset: 0, length: found.size }) != asked {
        let message =
            format!("the service answered a request for the range {asked:?} with {:?}", found.range);
        return Err(Error::unexpected(message));
    }
    Ok(found)
}

pub(super) fn replaced() -> Error {
    let message = "the object was replaced or deleted while it was being read";
    Error::new(ErrorKind::PreconditionFailed, message)
}
