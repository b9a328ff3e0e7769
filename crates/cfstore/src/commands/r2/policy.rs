//! What the commands for the policies of a bucket share: JSON in files, and on its way out.

use std::path::Path;

use serde_json::Value;
use tokio::io::AsyncReadExt as _;

use crate::error::{Error, Result};
use crate::printer::{Key, Printer};
use crate::stdin;

/// A policy has 1,000 rules at most, and is smaller by far.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// Reads the policy of a file, or of stdin, by `parse`. The hint shows a rule.
pub(super) async fn read<T>(
    path: &Path,
    parse: impl FnOnce(&str) -> cloudflare_clients::Result<T>,
    hint: &'static str,
) -> Result<T> {
    let bytes = if path == Path::new("-") {
        stdin::read(MAX_FILE + 1).await?
    } else {
        let failed = |error| Error::file(path, "cannot be read", &error);
        let mut file = tokio::fs::File::open(path).await.map_err(failed)?.take(MAX_FILE + 1);
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).await.map_err(failed)?;
        bytes
    };
    let name = path.display().to_string();
    if bytes.len() as u64 > MAX_FILE {
        return Err(Error::usage(
            format!("\"{}\" is larger than 4 MiB", Key(&name)),
            "a policy has 1,000 rules at most: name the file that has it",
        ));
    }
    let text = String::from_utf8_lossy(&bytes);
    if text.trim_start().starts_with('<') {
        return Err(Error::usage(
            format!("\"{}\" is XML, and a policy is read as JSON", Key(&name)),
            "boto3 and the AWS CLI have S3's form as JSON, which is read here, too",
        ));
    }
    parse(&text).map_err(|error| Error::usage(format!("\"{}\": {}", Key(&name), error.message()), hint))
}

/// Prints a policy over several lines, or in one with its target for programs.
pub(super) fn print(policy: &Value, target: &str, printer: Printer) -> Result<()> {
    if printer.is_json() { printer.json_at(policy, target) } else { printer.line(format_args!("{policy:#}")) }
}

/// The JSON that the library has written.
pub(super) fn value(json: &str) -> Result<Value> {
    serde_json::from_str(json).map_err(|error| Error::Local(format!("the rules are not JSON: {error}")))
}
