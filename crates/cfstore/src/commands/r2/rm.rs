//! `cfstore r2 rm KEY...`, `cfstore r2 rm --prefix PREFIX` and `cfstore r2 rm --all`

use cloudflare_clients::r2::R2Service;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::BinaryBytes;

use crate::bucket_location::BucketLocation;
use crate::cli::Rm;
use crate::commands::deletion::Deletion;
use crate::confirm;
use crate::error::{Error, ExitStatus, Result, is_encrypted};
use crate::key_argument::KeyArgument;
use crate::printer::{Key, Printer, count};
use crate::selection::Selection;

/// Maximum number of concurrent heads.
const CONCURRENCY: usize = 8;

pub(crate) async fn run(args: Rm, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    let (mut keys, mut selections) = (Vec::new(), Vec::new());
    for key in args.keys {
        match KeyArgument::parse(key, args.literal.literal)? {
            KeyArgument::Key(key) => keys.push(key),
            KeyArgument::Pattern(pattern) => selections.push(Selection::Pattern(pattern)),
        }
    }
    // The address of a bucket has an empty prefix.
    if args.prefix.as_deref() == Some("") {
        return Err(Error::usage(
            "--prefix is the address of the whole bucket",
            "give --bucket NAME --all to delete all objects of the bucket",
        ));
    }
    selections.extend(args.prefix.or(args.all.then(String::new)).map(Selection::Prefix));
    let asks = !selections.is_empty() && !args.yes && !args.dry_run;
    let mut deletion = Deletion::new("object", location.target()?, printer).dry(args.dry_run);
    let service = location.open(printer).await?;

    let there = are_there(&service, &keys).await?;
    deletion.note_missing(keys.iter().zip(there), "r2", Error::NotFound)?;
    let (mut objects, mut bytes) = (keys.len() as u64, 0);
    for selection in &selections {
        let (more, size) = listed(&service, selection).await?;
        objects += more;
        bytes = u64::saturating_add(bytes, size);
    }
    if asks && objects > keys.len() as u64 {
        let many = count(objects, "object");
        let of: Vec<_> = selections.iter().map(described).collect();
        let what = if keys.is_empty() {
            format!("{many}, {}, {}", BinaryBytes(bytes), of.join(" and "))
        } else {
            format!("{many}: {} by key, and {}", keys.len(), of.join(" and "))
        };
        confirm::possible(&format!("deleting {many} ({})", of.join(" and ")))?;
        if !deletion.confirmed(&what).await? {
            return Ok(ExitStatus::Failed);
        }
    }

    if args.dry_run {
        keys.iter().try_for_each(|key| deletion.tell(key))?;
    } else if !keys.is_empty() {
        deletion.add(&service.delete_many(keys).await?)?;
    }
    for selection in selections {
        let mut pages = selection.pages(&service);
        while let Some(page) = pages.try_next().await? {
            let mut keys = page.into_iter().map(|object| object.key);
            if args.dry_run {
                keys.try_for_each(|key| deletion.tell(&key))?;
            } else {
                deletion.add(&service.delete_many(keys).await?)?;
            }
        }
    }
    deletion.finish()
}

fn described(selection: &Selection) -> String {
    match selection {
        Selection::Prefix(prefix) if prefix.is_empty() => "the whole bucket".to_owned(),
        Selection::Prefix(prefix) => format!("all whose keys begin with {}", Key(prefix)),
        Selection::Pattern(pattern) => format!("all that match {}", Key(pattern.as_str())),
    }
}

/// Counts the objects and bytes of a selection. The whole listing is checked before anything is deleted.
async fn listed(service: &R2Service, selection: &Selection) -> Result<(u64, u64)> {
    selection.refuse_key(service).await?;
    let mut pages = selection.pages(service);
    let (mut number, mut bytes) = (0, 0_u64);
    while let Some(page) = pages.try_next().await? {
        number += page.len() as u64;
        bytes = page.iter().fold(bytes, |sum, object| sum.saturating_add(object.size));
    }
    selection.check_found(number > 0)?;
    Ok((number, bytes))
}

/// Finds which of the keys exist: R2's answer to a deletion does not tell.
async fn are_there(service: &R2Service, keys: &[String]) -> Result<Vec<bool>> {
    let looked = keys.iter().map(|key| {
        let head = service.head(key);
        async move {
            match head.await {
                // Encrypted with a customer's key, which a deletion does not need.
                Err(error) if is_encrypted(&error) => Ok(true),
                found => Ok(found?.is_some()),
            }
        }
    });
    let looked: Vec<_> = looked.collect();
    stream::iter(looked).buffered(CONCURRENCY).try_collect().await
}
