//! Reading and printing the policies of a bucket, as JSON.

use std::borrow::Cow;
use std::path::Path;

use serde_json::Value;
use tokio::io::AsyncReadExt as _;

use crate::error::{Error, Result};
use crate::printer::{Key, Printer};
use crate::stdin;

/// Maximum size of a file, in bytes. A policy with the maximum of 1,000 rules is much smaller.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// Reads a policy from a file or stdin with `parse`. The hint shows a rule.
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
            "a policy has at most 1,000 rules, and is much smaller: name the file with the policy",
        ));
    }
    let text = String::from_utf8_lossy(&bytes);
    if text.trim_start().starts_with('<') {
        return Err(Error::usage(
            format!("\"{}\" is XML, but a policy must be JSON", Key(&name)),
            "write it as JSON, in the format of Cloudflare's API or in that of boto3 and the AWS CLI",
        ));
    }
    parse(&without_target(&text))
        .map_err(|error| Error::usage(format!("\"{}\": {}", Key(&name), error.message()), hint))
}

/// Drops the target that `show --json` adds to a policy.
fn without_target(text: &str) -> Cow<'_, str> {
    match serde_json::from_str(text) {
        Ok(Value::Object(mut policy)) if policy.contains_key("target") => {
            policy.remove("target");
            Value::Object(policy).to_string().into()
        }
        // Text that is not JSON is the parser's to report.
        _ => text.into(),
    }
}

/// Prints a policy on several lines, or as JSON on one line with its target.
pub(super) fn print(policy: &Value, target: &str, printer: Printer) -> Result<()> {
    if printer.is_json() { printer.json_at(policy, target) } else { printer.line(format_args!("{policy:#}")) }
}

/// Parses JSON that the library wrote.
pub(super) fn value(json: &str) -> Result<Value> {
    serde_json::from_str(json)
        .map_err(|error| Error::Local(format!("cannot read the rules as JSON: {error}")))
}
