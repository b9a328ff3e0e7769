//! What the commands take that are about the lifecycle rules of a bucket.

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
    /// Replace the rules, by a file of JSON or by one rule that is given here
    ///
    /// A file may have the form of Cloudflare's API and of wrangler (deleteObjectsTransition), or that of S3
    /// (Expiration). All rules are replaced, also the one that a new bucket has, which aborts uploads after 7
    /// days: --add keeps them. R2 counts in days here, and takes up to a day; it takes a token with Admin
    /// Read & Write. The embedded store counts in seconds, and has done what is due whenever a command uses
    /// it.
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
    /// Remove rules by their names, or all of them: nothing is deleted or moved any more, and no upload
    /// aborted
    #[command(after_help = "\
Examples:
  cfstore r2 lifecycle rm logs cold
  cfstore r2 lifecycle rm --all")]
    Rm(LifecycleRm),
}

#[derive(Debug, Args)]
pub(crate) struct LifecycleShow {
    /// Whose form of JSON
    #[arg(long, value_enum, default_value_t = PolicyForm::Cloudflare)]
    pub(crate) form: PolicyForm,
}

#[derive(Debug, Args)]
pub(crate) struct LifecycleSet {
    /// A file of JSON; - is stdin
    #[arg(required_unless_present = "id", conflicts_with_all = ["id", "add"])]
    pub(crate) file: Option<PathBuf>,
    /// Keep the other rules, and add this one; one of its name is replaced. S3's API has ages in whole days:
    /// over it, ages of other rules that are not are rounded up
    #[arg(long, requires = "id")]
    pub(crate) add: bool,
    /// The name of the rule
    #[arg(long, value_name = "NAME", requires = "actions")]
    pub(crate) id: Option<String>,
    /// Only keys that begin so [default: all]
    #[arg(long, value_name = "PREFIX", requires = "id")]
    pub(crate) prefix: Option<String>,
    /// Delete objects so long after they were stored
    #[arg(long, value_name = "AGE", requires = "id", group = "actions", value_parser = parse_duration)]
    pub(crate) delete_after: Option<Duration>,
    /// Delete objects from this day on, such as 2027-01-31
    #[arg(long, value_name = "DATE", requires = "id", group = "actions", conflicts_with = "delete_after",
          value_parser = parse_date)]
    pub(crate) delete_on: Option<SystemTime>,
    /// Move objects to Infrequent Access so long after they were stored
    #[arg(long, value_name = "AGE", requires = "id", group = "actions", value_parser = parse_duration)]
    pub(crate) infrequent_access_after: Option<Duration>,
    /// Move objects to Infrequent Access from this day on
    #[arg(long, value_name = "DATE", requires = "id", group = "actions",
          conflicts_with = "infrequent_access_after", value_parser = parse_date)]
    pub(crate) infrequent_access_on: Option<SystemTime>,
    /// Abort uploads in parts that are not finished so long after they were begun
    #[arg(long, value_name = "AGE", requires = "id", group = "actions", value_parser = parse_duration)]
    pub(crate) abort_uploads_after: Option<Duration>,
    /// Set also a rule that deletes all objects of the bucket now, without being asked
    #[arg(short, long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LifecycleRm {
    /// The names of the rules; --all is all of them
    #[arg(value_name = "NAME", required_unless_present = "all")]
    pub(crate) ids: Vec<String>,
    /// All rules
    #[arg(long, conflicts_with = "ids")]
    pub(crate) all: bool,
}

fn parse_date(text: &str) -> Result<SystemTime, String> {
    let whole = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") };
    humantime::parse_rfc3339(&whole).map_err(|_| "write it as 2027-01-31 or 2027-01-31T00:00:00Z".to_owned())
}
