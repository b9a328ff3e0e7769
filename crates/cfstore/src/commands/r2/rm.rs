//! `cfstore r2 rm KEY...`, `cfstore r2 rm --prefix PREFIX` and `cfstore r2 rm --all`

use cloudflare_clients::r2::{Outcomes, R2Service};
use futures_util::TryStreamExt as _;
use indicatif::BinaryBytes;
use serde_json::json;

use crate::bucket_location::BucketLocation;
use crate::cli::Rm;
use crate::confirm;
use crate::error::{ExitStatus, Result};
use crate::printer::{Key, Printer, count};

pub(crate) async fn run(args: Rm, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    let mut tally = Tally::default();
    match args.prefix.or(args.all.then(String::new)) {
        None => {
            let service = location.open(printer).await?;
            tally.add(&service.delete_many(args.keys).await?, printer)?;
        }
        Some(prefix) => {
            if !args.yes {
                confirm::possible()?;
            }
            let service = location.open(printer).await?;
            if !args.yes && !confirmed(&service, &prefix).await? {
                printer.note("nothing was deleted");
                return Ok(ExitStatus::Failed);
            }
            let mut pages = service.list().prefix(prefix).pages();
            while let Some(page) = pages.try_next().await? {
                let keys = page.objects.into_iter().map(|object| object.key);
                tally.add(&service.delete_many(keys).await?, printer)?;
            }
        }
    }
    printer.line(format_args!("deleted {}", count(tally.deleted, "object")))?;
    Ok(if tally.failed == 0 { ExitStatus::Success } else { ExitStatus::Failed })
}

/// Asks, and says how much would be gone. Where there is nothing, there is nothing to ask.
async fn confirmed(service: &R2Service, prefix: &str) -> Result<bool> {
    let (objects, bytes) = service
        .list()
        .prefix(prefix)
        .stream()
        .try_fold((0, 0), async |(objects, bytes), object| Ok((objects + 1, bytes + object.size)))
        .await?;
    if objects == 0 {
        return Ok(true);
    }
    let what =
        if prefix.is_empty() { "all of the bucket".to_owned() } else { format!("under {}", Key(prefix)) };
    confirm::ask(format!("delete {}, {}, {what}?", count(objects, "object"), BinaryBytes(bytes))).await
}

#[derive(Default)]
struct Tally {
    deleted: u64,
    failed: u64,
}

impl Tally {
    fn add(&mut self, outcome: &Outcomes<()>, printer: Printer) -> Result<()> {
        for (key, result) in &outcome.results {
            match result {
                Ok(()) => self.deleted += 1,
                Err(error) => {
                    self.failed += 1;
                    printer.warning(error);
                }
            }
            let error = result.as_ref().err().map(ToString::to_string);
            printer.json(&json!({ "key": key, "deleted": result.is_ok(), "error": error }))?;
        }
        Ok(())
    }
}
