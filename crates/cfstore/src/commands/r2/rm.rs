//! `cfstore r2 rm KEY...`, `cfstore r2 rm --prefix PREFIX` and `cfstore r2 rm --all`

use cloudflare_clients::r2::R2Service;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::BinaryBytes;

use crate::bucket_location::BucketLocation;
use crate::cli::Rm;
use crate::commands::deletion::Deletion;
use crate::confirm;
use crate::error::{Error, ExitStatus, Result};
use crate::keys::check_listed;
use crate::printer::{Key, Printer, count};

/// How many keys are looked for at once.
const CONCURRENCY: usize = 8;

pub(crate) async fn run(args: Rm, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    let prefix = args.prefix.or(args.all.then(String::new));
    if prefix.is_some() && !args.yes {
        confirm::possible()?;
    }
    let mut deletion = Deletion::new("object", location.target()?, printer);
    let service = location.open(printer).await?;
    let Some(prefix) = prefix else {
        let there = are_there(&service, &args.keys).await?;
        deletion.note_missing(args.keys.iter().zip(there), "r2", Error::NotFound)?;
        deletion.add(&service.delete_many(args.keys).await?)?;
        return deletion.finish();
    };
    let (objects, bytes) = listed(&service, &prefix).await?;
    if objects == 0 {
        Error::if_misread(&prefix, "r2")?;
    } else if !args.yes {
        let what = match &*prefix {
            "" => "all of the bucket".to_owned(),
            prefix => format!("all whose keys begin with {}", Key(prefix)),
        };
        let size = BinaryBytes(bytes);
        if !deletion.confirmed(&format!("{}, {size}, {what}", count(objects, "object"))).await? {
            return Ok(ExitStatus::Failed);
        }
    }
    let mut pages = service.list().prefix(&prefix).pages();
    while let Some(page) = pages.try_next().await? {
        check_listed(&prefix, page.objects.iter().map(|object| object.key.as_str()))?;
        deletion.add(&service.delete_many(page.objects.into_iter().map(|object| object.key)).await?)?;
    }
    deletion.finish()
}

/// How many objects would be gone, and how many bytes. All of the listing is checked before any of it is
/// deleted.
async fn listed(service: &R2Service, prefix: &str) -> Result<(u64, u64)> {
    let mut objects = service.list().prefix(prefix).stream();
    let (mut number, mut bytes) = (0, 0_u64);
    while let Some(object) = objects.try_next().await? {
        check_listed(prefix, [object.key.as_str()])?;
        number += 1;
        bytes = bytes.saturating_add(object.size);
    }
    Ok((number, bytes))
}

/// Which of the keys have an object: R2 answers to the deletion of what is missing as to any other.
async fn are_there(service: &R2Service, keys: &[String]) -> Result<Vec<bool>> {
    let looked = keys.iter().map(|key| {
        let head = service.head(key);
        async move { Ok(head.await?.is_some()) }
    });
    let looked: Vec<_> = looked.collect();
    stream::iter(looked).buffered(CONCURRENCY).try_collect().await
}
