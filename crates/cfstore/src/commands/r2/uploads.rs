//! `cfstore r2 uploads ls|abort|clean`

use std::time::{Duration, SystemTime};

use cloudflare_clients::ErrorKind;
use cloudflare_clients::r2::{MultipartUploadSummary, R2Service};
use futures_util::{StreamExt as _, TryStreamExt as _};
use indicatif::{BinaryBytes, HumanCount, HumanDuration};
use serde_json::json;

use crate::bucket_location::BucketLocation;
use crate::cli::{UploadsAbort, UploadsClean, UploadsLs};
use crate::confirm;
use crate::error::{Error, ExitStatus, Result};
use crate::keys::check_listed;
use crate::printer::{DIM, Key, Printer, also, count};
use crate::rfc3339::rfc3339;
use crate::selection::Selection;

/// Maximum number of uploads that are listed or aborted concurrently.
const CONCURRENCY: usize = 8;

pub(crate) async fn list(args: UploadsLs, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    let selection = Selection::parse(args.prefix, args.literal.literal)?;
    let uploads = Uploads::open(location, printer).await?;
    let mut found = Found::default();
    let mut weighed = uploads.weighed(&selection, Ages::All);
    while let Some(upload) = weighed.try_next().await? {
        found.add(&upload);
        uploads.print(&upload, "")?;
    }
    uploads.printer.summary(found.described(), &uploads.target);
    Ok(ExitStatus::Success)
}

pub(crate) async fn abort(
    args: UploadsAbort,
    location: BucketLocation,
    printer: Printer,
) -> Result<ExitStatus> {
    let UploadsAbort { key, upload_id, yes } = args;
    let asks = upload_id.is_none() && !yes;
    let uploads = Uploads::open(location, printer).await?;
    let of_key = Selection::Prefix(key.clone());
    let listed = uploads.weighed(&of_key, Ages::All).try_filter(|upload| {
        let wanted = upload_id.as_ref().is_none_or(|id| *id == upload.summary.upload_id);
        std::future::ready(wanted && upload.summary.key == key)
    });
    let found: Vec<_> = listed.try_collect().await?;
    if found.is_empty() {
        return Err(Error::NoSuchUpload(key));
    }
    uploads.abort_all(found, asks).await
}

pub(crate) async fn clean(
    args: UploadsClean,
    location: BucketLocation,
    printer: Printer,
) -> Result<ExitStatus> {
    let asks = !args.yes && !args.dry_run;
    let selection = Selection::parse(args.prefix, args.literal.literal)?;
    let uploads = Uploads::open(location, printer).await?;
    let found: Vec<_> = uploads.weighed(&selection, Ages::Over(args.older_than)).try_collect().await?;
    if args.dry_run {
        let mut all = Found::default();
        for upload in &found {
            all.add(upload);
            uploads.print(upload, "  would be aborted")?;
        }
        uploads.printer.summary(format_args!("would abort {}", all.described()), &uploads.target);
        return Ok(ExitStatus::Success);
    }
    uploads.abort_all(found, asks).await
}

#[derive(Clone, Copy)]
enum Ages {
    All,
    Over(Duration),
}

/// An upload with the number and size of its parts.
struct Upload {
    summary: MultipartUploadSummary,
    age: Duration,
    parts: u64,
    bytes: u64,
}

/// Sum of several uploads.
#[derive(Default)]
struct Found {
    uploads: u64,
    bytes: u64,
}

impl Found {
    fn add(&mut self, upload: &Upload) {
        self.uploads += 1;
        self.bytes = self.bytes.saturating_add(upload.bytes);
    }

    fn described(&self) -> String {
        format!("{}, {}", count(self.uploads, "unfinished upload"), BinaryBytes(self.bytes))
    }
}

struct Uploads {
    service: R2Service,
    target: String,
    printer: Printer,
}

impl Uploads {
    async fn open(location: BucketLocation, printer: Printer) -> Result<Self> {
        let target = location.target()?;
        Ok(Self { service: location.open(printer).await?, target, printer })
    }

    /// Returns the uploads of a selection, sorted by key. Leaves out one that ends while its parts are
    /// listed.
    fn weighed<'a>(
        &'a self,
        selection: &'a Selection,
        ages: Ages,
    ) -> futures_util::stream::BoxStream<'a, Result<Upload>> {
        let now = self.service.runtime().now();
        let uploads = self.service.list_multipart_uploads().prefix(selection.prefix()).stream();
        uploads
            .map_err(Error::from)
            .and_then(move |upload| {
                std::future::ready(check_listed(selection.prefix(), [&*upload.key]).map(|()| upload))
            })
            .try_filter(move |upload| {
                let old = match ages {
                    Ages::All => true,
                    Ages::Over(age) => age_of(upload, now) >= age,
                };
                std::future::ready(old && selection.has(&upload.key))
            })
            .map_ok(move |upload| self.weigh(upload, now))
            .try_buffered(CONCURRENCY)
            .try_filter_map(|upload| std::future::ready(Ok(upload)))
            .boxed()
    }

    async fn weigh(&self, summary: MultipartUploadSummary, now: SystemTime) -> Result<Option<Upload>> {
        let upload = self.service.resume_multipart_upload(&summary.key, &summary.upload_id);
        let mut listed = upload.list_parts().stream();
        let (mut parts, mut bytes) = (0, 0_u64);
        loop {
            match listed.try_next().await {
                Ok(Some(part)) => {
                    parts += 1;
                    bytes = bytes.saturating_add(part.size.unwrap_or_default());
                }
                Ok(None) => return Ok(Some(Upload { age: age_of(&summary, now), summary, parts, bytes })),
                Err(error) if error.kind() == ErrorKind::NoSuchUpload => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn print(&self, upload: &Upload, what: &str) -> Result<()> {
        let line = format_args!(
            "{:>11}  {:>6}  {:>11}  {}  {DIM}{}{DIM:#}{what}",
            HumanDuration(upload.age).to_string(),
            HumanCount(upload.parts).to_string(),
            BinaryBytes(upload.bytes).to_string(),
            Key(&upload.summary.key),
            Key(&upload.summary.upload_id),
        );
        if self.printer.is_json() {
            return self.print_json(upload, None, None);
        }
        self.printer.line(line)
    }

    fn print_json(&self, upload: &Upload, aborted: Option<bool>, error: Option<String>) -> Result<()> {
        let Upload { summary, age, parts, bytes } = upload;
        let mut value = json!({
            "key": summary.key,
            "uploadId": summary.upload_id,
            "initiated": rfc3339(summary.initiated),
            "ageSeconds": age.as_secs(),
            "parts": parts,
            "bytes": bytes,
        });
        if let Some(aborted) = aborted {
            value["aborted"] = aborted.into();
            value["error"] = error.into();
        }
        self.printer.json_at(&value, &self.target)
    }

    async fn abort_all(&self, uploads: Vec<Upload>, asks: bool) -> Result<ExitStatus> {
        let mut found = Found::default();
        for upload in &uploads {
            found.add(upload);
        }
        if asks && found.uploads > 0 {
            confirm::possible(&format!("aborting {}", count(found.uploads, "unfinished upload")))?;
            uploads.iter().try_for_each(|upload| self.print(upload, ""))?;
            let question = format!("abort {}, in {}?", found.described(), Key(&self.target));
            if !confirm::ask(question).await? {
                self.printer.note("nothing was aborted");
                return Ok(ExitStatus::Failed);
            }
        }
        let mut work = futures_util::stream::iter(uploads)
            .map(|upload| async move {
                let handle =
                    self.service.resume_multipart_upload(&upload.summary.key, &upload.summary.upload_id);
                (handle.abort().await, upload)
            })
            .buffered(CONCURRENCY);
        let (mut aborted, mut ended, mut failed) = (Found::default(), 0, 0);
        while let Some((result, upload)) = work.next().await {
            match &result {
                Ok(()) => aborted.add(&upload),
                Err(error) if error.kind() == ErrorKind::NoSuchUpload => ended += 1,
                Err(error) => {
                    failed += 1;
                    self.printer.warning(error);
                }
            }
            let error = result.as_ref().err().map(ToString::to_string);
            self.print_json(&upload, Some(result.is_ok()), error)?;
        }
        self.printer.line(format_args!(
            "aborted {}{}{}  ({})",
            aborted.described(),
            also(ended, "already ended"),
            also(failed, "failed"),
            Key(&self.target)
        ))?;
        Ok(if failed == 0 { ExitStatus::Success } else { ExitStatus::Failed })
    }
}

fn age_of(upload: &MultipartUploadSummary, now: SystemTime) -> Duration {
    now.duration_since(upload.initiated).unwrap_or_default()
}
