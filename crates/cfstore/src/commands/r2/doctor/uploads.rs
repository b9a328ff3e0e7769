//! Checks for unfinished multipart uploads, whose parts are billed like objects.

use std::time::{Duration, SystemTime};

use cloudflare_clients::r2::{ListMultipartUploadsRequest, ListPartsRequest};
use cloudflare_clients::s3::{list_multipart_uploads, list_parts};
use cloudflare_clients::{Error, ErrorKind, Result};
use futures_util::{StreamExt as _, stream};
use indicatif::{BinaryBytes, HumanDuration};

use super::access::{Access, FOLDER};
use super::finding::Finding;
use crate::printer::count;

pub(super) const UPLOADS: &str = "unfinished uploads";

/// Age from which an upload is probably abandoned.
const OLD: Duration = Duration::from_secs(24 * 3600);
/// Maximum number of uploads whose size is determined.
const WEIGHED: usize = 100;
const CONCURRENCY: usize = 8;

pub(super) async fn check(access: &Access) -> Finding {
    match look(access, SystemTime::now()).await {
        Ok(finding) => finding,
        Err(error) if matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::Unsupported) => {
            Finding::not_possible(
                UPLOADS,
                error.to_string(),
                "the key has no permission to list uploads, or the service does not support it",
            )
        }
        Err(error) => Finding::broken(UPLOADS, error.to_string(), "unfinished uploads cannot be listed")
            .mend("cfstore -vv r2 uploads ls"),
    }
}

async fn look(access: &Access, now: SystemTime) -> Result<Finding> {
    let answer = access.send(list_multipart_uploads::request(&ListMultipartUploadsRequest::new())?).await?;
    if !answer.status.is_success() {
        return Err(answer.error());
    }
    let page = list_multipart_uploads::parse(&answer.into_response())?;
    // Skip the doctor's own uploads, which the cleanup reports.
    let uploads: Vec<_> = page.uploads.into_iter().filter(|upload| !upload.key.starts_with(FOLDER)).collect();
    if uploads.is_empty() {
        return Ok(Finding::ok(UPLOADS, "none", "only objects are billed"));
    }
    let ages = uploads.iter().map(|upload| now.duration_since(upload.initiated).unwrap_or_default());
    let oldest = ages.max().unwrap_or_default();
    let weights = uploads.iter().take(WEIGHED).map(|upload| weigh(access, &upload.key, &upload.upload_id));
    let weights = stream::iter(weights.collect::<Vec<_>>()).buffer_unordered(CONCURRENCY);
    let bytes = weights.collect::<Vec<_>>().await.into_iter().sum::<Result<u64>>()?;
    let at_least = if page.truncated || uploads.len() > WEIGHED { "at least " } else { "" };
    let seen = format!(
        "{}{}, {at_least}{}; the oldest was started {} ago",
        if page.truncated { "at least " } else { "" },
        count(uploads.len() as u64, "upload"),
        BinaryBytes(bytes),
        HumanDuration(oldest)
    );
    if oldest < OLD {
        return Ok(Finding::ok(UPLOADS, seen, "they may be in progress"));
    }
    let means =
        "their parts are billed like objects; R2 aborts them after 7 days, unless the lifecycle rules differ";
    let mend = format!("cfstore r2 uploads clean --bucket {} --older-than 1day", access.bucket);
    Ok(Finding::warning(UPLOADS, seen, means).mend(mend))
}

/// Returns the size of the first thousand parts of an upload, in bytes.
async fn weigh(access: &Access, key: &str, id: &str) -> Result<u64> {
    let answer = access.send(list_parts::request(&ListPartsRequest::new(key, id))?).await?;
    if !answer.status.is_success() {
        let error: Error = answer.error();
        // The upload has ended since.
        return if error.kind() == ErrorKind::NoSuchUpload { Ok(0) } else { Err(error) };
    }
    let parts = list_parts::parse(&answer.into_response())?.parts;
    Ok(parts.iter().filter_map(|part| part.size).sum())
}
