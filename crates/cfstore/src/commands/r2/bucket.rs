//! `cfstore r2 bucket create|ls|info|rm`

use std::fmt::Display;

use cloudflare_clients::ErrorKind;
use cloudflare_clients::r2::{BucketInfo, Buckets, LocationHint, StorageClass};
use futures_util::TryStreamExt as _;

use crate::bucket_account::BucketAccount;
use crate::cli::{Bucket, BucketCreate, BucketLs, BucketName};
use crate::error::{Error, ExitStatus, Result};
use crate::printer::{BOLD, DIM, Key, Printer, count};
use crate::rfc3339::rfc3339_seconds;

pub(super) async fn run(command: Bucket, account: BucketAccount, printer: Printer) -> Result<ExitStatus> {
    let target = account.target();
    match command {
        Bucket::Create(args) => create(args, account.open_or_create(printer).await?, &target, printer).await,
        Bucket::Ls(args) => list(args, account.open(printer).await?, &target, printer).await,
        Bucket::Info(args) => info(args, account.open(printer).await?, &target, printer).await,
        Bucket::Rm(args) => remove(args, account.open(printer).await?, &target, printer).await,
    }
}

async fn create(args: BucketCreate, buckets: Buckets, target: &str, printer: Printer) -> Result<ExitStatus> {
    let mut create = buckets.create(&args.name);
    if let Some(hint) = args.location {
        create = create.location(hint);
    }
    if let Some(class) = args.storage_class {
        create = create.storage_class(class.into());
    }
    let created = create.await?;
    printer.result_at(format_args!("created {}", Key(&created.name)), &created, target)?;
    Ok(ExitStatus::Success)
}

async fn list(args: BucketLs, buckets: Buckets, target: &str, printer: Printer) -> Result<ExitStatus> {
    let mut listed = 0;
    let mut found = buckets.list().prefix(args.prefix).stream();
    while let Some(bucket) = found.try_next().await? {
        listed += 1;
        printer.result(format_args!("{}{}", Key(&bucket.name), described(&bucket)), &bucket)?;
    }
    printer.summary(count(listed, "bucket"), target);
    Ok(ExitStatus::Success)
}

/// Describes what is known of the bucket apart from its name.
fn described(bucket: &BucketInfo) -> String {
    let known = [
        bucket.created.map(rfc3339_seconds),
        bucket.location.map(|hint| hint.to_string()),
        bucket.storage_class.map(|class| class.as_str().to_owned()),
    ];
    let known: Vec<_> = known.into_iter().flatten().collect();
    if known.is_empty() { String::new() } else { format!("  {DIM}{}{DIM:#}", known.join("  ")) }
}

/// Shows the bucket, with the values that only the list and the location have.
async fn info(args: BucketName, buckets: Buckets, target: &str, printer: Printer) -> Result<ExitStatus> {
    let Some(mut bucket) = buckets.head(&args.name).await? else {
        return Err(Error::MissingBucket(args.name));
    };
    if bucket.location.is_none() {
        bucket.location = buckets.location(&args.name).await?;
    }
    if bucket.created.is_none() {
        // The bucket itself sorts before all longer names with this prefix.
        let page = buckets.list().prefix(&args.name).page_size(1).await?;
        let listed = page.buckets.into_iter().find(|listed| listed.name == args.name);
        bucket.created = listed.and_then(|listed| listed.created);
    }
    printer.json_at(&bucket, target)?;
    let field = |name: &str, value: Option<&dyn Display>| match value {
        Some(value) => printer.line(format_args!("{BOLD}{name:<20}{BOLD:#} {}", Key(&value.to_string()))),
        None => Ok(()),
    };
    let created = bucket.created.map(rfc3339_seconds);
    let class = bucket.storage_class.map(StorageClass::as_str);
    field("name", Some(&bucket.name))?;
    field("where", Some(&target))?;
    field("created", created.as_ref().map(|created| created as _))?;
    field("region", bucket.region.as_ref().map(|region| region as _))?;
    field("location", bucket.location.as_ref().map(|hint: &LocationHint| hint as _))?;
    field("storage class", class.as_ref().map(|class| class as _))?;
    Ok(ExitStatus::Success)
}

async fn remove(args: BucketName, buckets: Buckets, target: &str, printer: Printer) -> Result<ExitStatus> {
    match buckets.delete(&args.name).await {
        Err(error) if error.kind() == ErrorKind::NoSuchBucket => Err(Error::MissingBucket(args.name)),
        Err(error) => Err(error.into()),
        Ok(()) => {
            let json = serde_json::json!({ "name": args.name, "deleted": true });
            printer.result_at(format_args!("deleted {}", Key(&args.name)), &json, target)?;
            Ok(ExitStatus::Success)
        }
    }
}
