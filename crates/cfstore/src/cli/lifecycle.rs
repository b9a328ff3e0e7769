//! Arguments of `cfstore r2 lifecycle`.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};

use super::{PolicyForm, parse_duration};

#[derive(Debug, Subcommand)]
pub(crate) enum Lifecycle {
    /// Print the rules as JSON, for `lifecycle set` to read
    #[command(after_help = "\
Examples:
  cfstore r2 lifecycle show
  cfstore r2 lifecycle show > lifecycle.json              for wrangler r2 bucket lifecycle set --file
  cfstore r2 lifecycle show --form s3 > lifecycle.json    for aws s3api put-bucket-lifecycle-configuration")]
    Show(LifecycleShow),
    /// Replace the rules with those of a JSON file, or with one rule given by options
    ///
    /// The file can have the format of Cloudflare's API and wrangler (deleteObjectsTransition), or that of S3
    /// (Expiration). All rules are replaced, including the default rule of a new bucket, which aborts uploads
    /// after 7 days: --add keeps them. R2 counts in days, applies the rules within a day, and needs an API
    /// token with Admin Read & Write. The embedded store counts in seconds, and applies the rules whenever a
    /// command uses it.
    #[command(override_usage = "\
cfstore r2 lifecycle set <FILE>
       cfstore r2 lifecycle set [--add] --id <NAME> [--prefix <PREFIX>] [--delete-after <AGE>] ...")]
    #[command(after_help = "\
Examples:
  cfstore r2 lifecycle set lifecycle.json
  cfstore r2 lifecycle set --add --id logs --prefix logs/ --delete-after 90days
  cfstore r2 lifecycle set --add --id cold --infrequent-access-after 30days
  cfstore r2 lifecycle set --add --id 2025 --prefix 2025/ --delete-on 2027-01-01
  cfstore r2 lifecycle set --id uploads --abort-uploads-after 1day")]
    Set(LifecycleSet),
    /// Remove rules by name, or all of them
    #[command(after_help = "\
Examples:
  cfstore r2 lifecycle rm logs cold
  cfstore r2 lifecycle rm --all")]
    Rm(LifecycleRm),
}

#[derive(Debug, Args)]
pub(crate) struct LifecycleShow {
    /// The JSON format
    #[arg(long, value_enum, default_value_t = PolicyForm::Cloudflare)]
    pub(crate) form: PolicyForm,
}

#[derive(Debug, Args)]
pub(crate) struct LifecycleSet {
    /// The JSON file with the rules; - is stdin
    #[arg(required_unless_present = "id", conflicts_with_all = ["id", "add"])]
    pub(crate) file: Option<PathBuf>,
    /// Keep the other rules, and add this one; a rule of the same name is replaced. S3's API has whole days:
    /// through it, other ages in the kept rules are rounded up
    #[arg(long, requires = "id")]
    pub(crate) add: bool,
    /// The name of the rule
    #[arg(long, value_name = "NAME", requires = "actions")]
    pub(crate) id: Option<String>,
    /// Apply the rule only to keys that begin with this [default: all]
    #[arg(long, value_name = "PREFIX", requires = "id")]
    pub(crate) prefix: Option<String>,
    /// Delete objects of this age
    #[arg(long, value_name = "AGE", requires = "id", group = "actions", value_parser = parse_duration)]
    pub(crate) delete_after: Option<Duration>,
    /// Delete objects starting on this day, such as 2027-01-31
    #[arg(long, value_name = "DATE", requires = "id", group = "actions", conflicts_with = "delete_after",
          value_parser = parse_date)]
    pub(crate) delete_on: Option<SystemTime>,
    /// Move objects of this age to Infrequent Access
    #[arg(long, value_name = "AGE", requires = "id", group = "actions", value_parser = parse_duration)]
    pub(crate) infrequent_access_after: Option<Duration>,
    /// Move objects to Infrequent Access starting on this day
    #[arg(long, value_name = "DATE", requires = "id", group = "actions",
          conflicts_with = "infrequent_access_after", value_parser = parse_date)]
    pub(crate) infrequent_access_on: Option<SystemTime>,
    /// Abort unfinished multipart uploads of this age
    #[arg(long, value_name = "AGE", requires = "id", group = "actions", value_parser = parse_duration)]
    pub(crate) abort_uploads_after: Option<Duration>,
    /// Do not ask for confirmation if a rule deletes all objects of the bucket now
    #[arg(short, long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LifecycleRm {
    /// The names of the rules
    #[arg(value_name = "NAME", required_unless_present = "all")]
    pub(crate) ids: Vec<String>,
    /// Remove all rules
    #[arg(long, conflicts_with = "ids")]
    pub(crate) all: bool,
}

fn parse_date(text: &str) -> Result<SystemTime, String> {
    let whole = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") };
    humantime::parse_rfc3339(&whole).map_err(|_| "write it as 2027-01-31 or 2027-01-31T00:00:00Z".to_owned())
}
