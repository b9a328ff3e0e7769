//! Storing an object with one request.

use std::sync::{Arc, OnceLock};

use futures_util::FutureExt as _;

use crate::body::Replay;
use crate::client::operation::Operation;
use crate::error::{ErrorKind, Result};
use crate::model::r2::{Conditional, Object, PutRequest, StoredObject};
use crate::mutation::{Mutation, is_mutated};
use crate::r2::lost_answer::may_be_stored_with;
use crate::r2::service::R2Service;
use crate::r2::verify::SentMd5;

/// Stores a body of known length.
pub(super) async fn put_whole(
    service: R2Service,
    request: PutRequest,
    operation: &Operation<'_>,
) -> Result<StoredObject> {
    let PutRequest { key, body, http_metadata, custom_metadata, storage_class, checksum, only_if, .. } =
        request;
    let length = body.content_length().unwrap_or_default();
    let sent = SentMd5::new(&service, &body, checksum).await;
    let checksum = checksum.or(sent.get());
    let replay = Replay::new(body);
    // The etag of the object that an earlier attempt stored damaged. The next attempt may replace it.
    let damaged = Arc::new(OnceLock::new());
    let attempt = || {
        let replaced = damaged.get().filter(|_| !only_if.is_empty());
        let request = PutRequest {
            key: key.clone(),
            body: sent.observe(replay.next()?),
            http_metadata: http_metadata.clone(),
            custom_metadata: custom_metadata.clone(),
            storage_class,
            checksum,
            only_if: replaced
                .map_or_else(|| only_if.clone(), |etag: &String| Conditional::new().etag_matches(etag)),
            ssec_key: service.ssec_key().cloned(),
        };
        let (bucket, sent, damaged) = (service.bucket().clone(), sent.clone(), damaged.clone());
        let replay = &replay;
        let put = async move {
            let stored = bucket.put(request).await?;
            let checked = sent.check_stored(&stored.etag, &stored.checksums, replay).await;
            checked.inspect_err(|_| {
                let _ = damaged.set(stored.etag.clone());
            })?;
            Ok(stored)
        };
        Some(put.boxed())
    };
    let stored = match service.attempts().run(operation, attempt).await {
        Err(error)
            if error.kind() == ErrorKind::PreconditionFailed
                && error.may_repeat()
                && !is_mutated(Mutation::LostAnswerIsRefusal) =>
        {
            let Some(md5) = operation.check(sent.get_or_read(&replay).await)? else {
                return Err(error);
            };
            let stored = |object: &Object| {
                object.size == length
                    && object.md5_of_etag() == Some(md5)
                    && may_be_stored_with(object, &custom_metadata)
            };
            service.unless_stored(&key, error, stored).await
        }
        Err(error) if error.may_repeat() && is_mutated(Mutation::LostAnswerIsSuccess) => {
            let md5 = operation.check(sent.get_or_read(&replay).await)?.ok_or(error)?;
            Ok(StoredObject::new(key, md5.to_hex()))
        }
        result => result,
    };
    stored.map(|mut stored| {
        stored.size.get_or_insert(length);
        stored.http_metadata.get_or_insert(http_metadata);
        stored.custom_metadata.get_or_insert(custom_metadata);
        stored.storage_class = stored.storage_class.or(storage_class);
        stored.ssec_key_md5 = stored.ssec_key_md5.or_else(|| service.ssec_key_md5());
        stored
    })
}
