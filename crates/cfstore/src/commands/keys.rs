//! `cfstore keys`

use std::path::Path;

use cloudflare_emulator::{Credentials, Key};
use serde::Serialize;

use crate::cli::{Keys, KeysAdd, KeysLs, KeysRm};
use crate::error::{Error, ExitStatus, Result};
use crate::printer::{Printer, count};
use crate::shell;
use crate::variables::{R2_ACCESS_KEY_ID, R2_ACCOUNT_ID, R2_BUCKET_MEDIA, R2_ENDPOINT, R2_SECRET_ACCESS_KEY};

pub(crate) fn run(command: Keys, printer: Printer) -> Result<ExitStatus> {
    match command {
        Keys::Add(args) => add(args, printer),
        Keys::Ls(args) => list(&args, printer),
        Keys::Rm(args) => remove(&args, printer),
    }
}

/// JSON of a key. The account id and the secret are included only when the key is added.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
    access_key_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_access_key: Option<&'a str>,
    scope: &'static str,
    /// `None` means all buckets.
    buckets: Option<&'a [String]>,
}

impl<'a> Shown<'a> {
    fn of(key: &'a Key) -> Self {
        Self {
            account_id: None,
            access_key_id: key.access_key_id(),
            secret_access_key: None,
            scope: key.scope().as_str(),
            buckets: key.buckets(),
        }
    }
}

fn add(args: KeysAdd, printer: Printer) -> Result<ExitStatus> {
    let buckets = (!args.bucket.is_empty()).then_some(args.bucket);
    let credentials = stored_credentials(&args.data)?;
    let account_id = credentials.as_ref().map(Credentials::account_id);
    let key = keys(&args.data).add(args.scope, buckets)?;
    let mut variables: Vec<_> = account_id.map(|id| (R2_ACCOUNT_ID, id)).into_iter().collect();
    variables
        .extend([(R2_ACCESS_KEY_ID, key.access_key_id()), (R2_SECRET_ACCESS_KEY, key.secret_access_key())]);
    if let Some([bucket]) = key.buckets() {
        variables.push((R2_BUCKET_MEDIA, bucket));
    }
    shell::export(printer, variables)?;
    printer.json(&Shown {
        account_id,
        secret_access_key: Some(key.secret_access_key()),
        ..Shown::of(&key)
    })?;
    printer.note(format_args!(
        "clients also need {R2_ENDPOINT}, the URL of the server; the secret is not shown again"
    ));
    printer.summary(format_args!("a key with {} for {}", key.scope(), of(&key)), &target(&args.data));
    Ok(ExitStatus::Success)
}

fn list(args: &KeysLs, printer: Printer) -> Result<ExitStatus> {
    let keys = keys(&args.data).list()?;
    for key in &keys {
        let line = format_args!("{}  {:17}  {}", key.access_key_id(), key.scope(), of(key));
        printer.result(line, &Shown::of(key))?;
    }
    let summary = format!(
        "{}, in addition to the first one, which has all permissions",
        count(keys.len() as u64, "key")
    );
    printer.summary(summary, &target(&args.data));
    Ok(ExitStatus::Success)
}

fn remove(args: &KeysRm, printer: Printer) -> Result<ExitStatus> {
    let keys = keys(&args.data);
    let mut missing = Vec::new();
    for id in &args.ids {
        if keys.remove(id)? {
            printer.result(format_args!("removed {id}"), &serde_json::json!({ "removed": id }))?;
        } else {
            missing.push(id.as_str());
        }
    }
    if missing.is_empty() {
        return Ok(ExitStatus::Success);
    }
    Err(Error::usage(
        format!("{} does not have the key {}", target(&args.data), missing.join(", ")),
        "`cfstore keys ls` lists the ids; the first key, of credentials.json, cannot be removed",
    ))
}

fn keys(data: &Path) -> cloudflare_emulator::Keys {
    cloudflare_emulator::Keys::in_directory(data)
}

/// Returns the credentials in the folder. With `serve --credentials-from-env` it has none, and creating them
/// would give another account id than that of the server.
fn stored_credentials(data: &Path) -> Result<Option<Credentials>> {
    if !data.join("credentials.json").exists() {
        return Ok(None);
    }
    Ok(Some(Credentials::load_or_create(data)?))
}

fn of(key: &Key) -> String {
    key.buckets().map_or_else(|| "all buckets".to_owned(), |buckets| buckets.join(", "))
}

fn target(data: &Path) -> String {
    data.join("keys.json").display().to_string()
}
