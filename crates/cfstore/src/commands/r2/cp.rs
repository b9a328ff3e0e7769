//! `cfstore r2 cp SRC DST`

use crate::bucket_location::BucketLocation;
use crate::cli::Cp;
use crate::error::{Error, ExitStatus, Result};
use crate::keys;
use crate::printer::{Key, Printer};
use cloudflare_clients::ErrorKind;

pub(crate) async fn run(args: Cp, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    let Cp { source, destination } = args;
    keys::refuse_url(&destination)?;
    let destination = keys::into_folder(destination, source.rsplit('/').next())?;
    keys::warn_of_dots(&destination, printer);
    let target = location.target()?;
    let service = location.open(printer).await?;
    let copied = match service.copy(&source, &destination).await {
        Err(error) if error.kind() == ErrorKind::NoSuchKey => return Err(Error::NotFound(source)),
        copied => copied?,
    };
    let line = format_args!("{}  copied to {}", Key(&source), Key(&copied.key));
    printer.result_at(line, &copied, &target)?;
    Ok(ExitStatus::Success)
}
