//! `cfstore kv bulk put FILE|-`

use std::path::Path;

use super::outcomes;
use crate::cli::BulkPut;
use crate::error::{Error, ExitStatus, Result};
use crate::namespace_location::NamespaceLocation;
use crate::pair_json;
use crate::printer::Printer;
use crate::stdin;

pub(crate) async fn run(args: BulkPut, location: NamespaceLocation, printer: Printer) -> Result<ExitStatus> {
    let document = if args.file == Path::new("-") {
        stdin::read(u64::MAX).await?
    } else {
        let read = tokio::fs::read(&args.file).await;
        read.map_err(|error| Error::file(&args.file, "cannot be read", &error))?
    };
    let puts = pair_json::parse(&document)?;
    let outcomes = location.open_or_create(printer).await?.put_many(puts).await?;
    outcomes::print(&outcomes, "stored", printer)
}
