//! `cfstore r2 cp SRC DST`

use crate::cli::Cp;
use crate::error::{Error, ExitStatus, Result};
use crate::object_json::ObjectJson;
use crate::printer::{Key, Printer};
use crate::store::Store;

pub(crate) async fn run(args: Cp, store: Store, printer: Printer) -> Result<ExitStatus> {
    let Cp { source, destination } = args;
    let service = store.open(printer).await?;
    let copied = match service.copy(&source, &destination).await {
        Err(error) if error.code() == Some("NoSuchKey") => return Err(Error::NotFound(source)),
        copied => copied?,
    };
    printer.result(
        format_args!("{}  copied to {}", Key(&source), Key(&copied.key)),
        &ObjectJson::from(&copied),
    )?;
    Ok(ExitStatus::Success)
}
