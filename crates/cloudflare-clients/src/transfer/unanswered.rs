//! Uploads that were started and whose ids are unknown, because the answer was lost or the process was killed
//! before it came. Only their key and their time tell them from the uploads of others.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::TryStreamExt as _;

use super::upload_journal::UploadJournal;
use crate::error::{ErrorKind, Result};
use crate::model::r2::{MultipartUploadSummary, normalize_key};
use crate::r2::R2Service;
use crate::time::{duration_millis, to_millis};

/// How much earlier than this clock the service's time of an upload may be.
const BEFORE: Duration = Duration::from_secs(60);

/// How much later it may be: a request may take some time, and be retried.
const AFTER: Duration = Duration::from_secs(120);

/// Aborts the uploads of this key that were started about one of these times, have no part, and are neither
/// `ours` nor in another journal. An upload of somebody else with the same key and time has parts by the time
/// that all of ours have arrived.
pub(super) async fn abort_unanswered(
    service: &R2Service,
    key: &str,
    begun: &[u64],
    ours: Option<&str>,
    journal: Option<&UploadJournal>,
) -> Result<()> {
    if begun.is_empty() {
        return Ok(());
    }
    let of_journals = match journal {
        Some(journal) => journal.known_uploads().await?,
        None => HashSet::new(),
    };
    let key = &*normalize_key(key);
    // Uploads of the key itself are listed before those of longer keys.
    let uploads = service
        .list_multipart_uploads()
        .prefix(key)
        .stream()
        .try_take_while(|upload| std::future::ready(Ok(normalize_key(&upload.key) == key)))
        .try_collect();
    let uploads: Vec<MultipartUploadSummary> = match uploads.await {
        Ok(uploads) => uploads,
        Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(()),
        Err(error) => return Err(error),
    };
    for MultipartUploadSummary { upload_id, initiated, .. } in uploads {
        let is_known = ours == Some(&upload_id) || of_journals.contains(&upload_id);
        if is_known || !is_about(to_millis(initiated), begun) {
            continue;
        }
        let upload = service.resume_multipart_upload(key, &upload_id);
        match upload.list_parts().await {
            Ok(page) if page.parts.is_empty() => {}
            Err(error) if error.kind() != ErrorKind::NoSuchUpload => return Err(error),
            Ok(_) | Err(_) => continue,
        }
        tracing::debug!(key, upload_id, "aborting an upload that was started and whose answer was lost");
        upload.abort().await?;
    }
    Ok(())
}

fn is_about(initiated: u64, begun: &[u64]) -> bool {
    begun.iter().any(|begun| {
        let window =
            begun.saturating_sub(duration_millis(BEFORE))..=begun.saturating_add(duration_millis(AFTER));
        window.contains(&initiated)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_begun_about_then_is_meant() {
        let begun = [1_000_000, 5_000_000];
        for (initiated, is_meant) in [
            (939_999, false),
            (940_000, true),
            (1_120_000, true),
            (1_120_001, false),
            (5_000_001, true),
            (0, false),
        ] {
            assert_eq!(is_about(initiated, &begun), is_meant, "{initiated}");
        }
        assert!(!is_about(1, &[]));
    }
}
