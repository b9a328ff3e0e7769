//! What became of the keys of a command on many.

use cloudflare_clients::kv::Outcomes;
use serde_json::json;

use crate::error::{ExitStatus, Result};
use crate::printer::{Printer, count};

/// Prints what was `done`, such as "deleted", and what was not.
pub(super) fn print(outcomes: &Outcomes<()>, done: &str, printer: Printer) -> Result<ExitStatus> {
    for (key, result) in &outcomes.results {
        if let Err(error) = result {
            printer.warning(error);
        }
        let error = result.as_ref().err().map(ToString::to_string);
        printer.json(&json!({ "key": key, done: result.is_ok(), "error": error }))?;
    }
    printer.line(format_args!("{done} {}", count(outcomes.succeeded().count() as u64, "key")))?;
    Ok(if outcomes.failed().next().is_none() { ExitStatus::Success } else { ExitStatus::Failed })
}
