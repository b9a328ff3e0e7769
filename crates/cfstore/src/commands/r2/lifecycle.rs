//! `cfstore r2 lifecycle show|set|rm`

use std::path::Path;
use std::time::SystemTime;

use cloudflare_clients::r2::{LifecycleCondition, LifecyclePolicy, LifecycleRule};
use serde_json::{Value, json};

use super::policy;
use crate::bucket_location::BucketLocation;
use crate::cli::{LifecycleRm, LifecycleSet, LifecycleShow, PolicyForm};
use crate::confirm;
use crate::error::{Error, ExitStatus, Result};
use crate::printer::{Key, Printer, count};

/// Hint for an invalid file.
const FORM_HINT: &str = "`cfstore r2 lifecycle show` prints the format; an example of a rule: [{\"id\": \"logs\", \"enabled\": true, \
     \"conditions\": {\"prefix\": \"logs/\"}, \"deleteObjectsTransition\": {\"condition\": {\"type\": \"Age\", \
     \"maxAge\": 86400}}}]";

pub(crate) async fn show(
    args: LifecycleShow,
    location: BucketLocation,
    printer: Printer,
) -> Result<ExitStatus> {
    let target = location.target()?;
    let service = location.open(printer).await?;
    let Some(policy) = service.lifecycle().await? else {
        return Err(Error::NoLifecycle(target));
    };
    let value = as_json(&policy, args.form)?;
    policy::print(&value, &target, printer)?;
    Ok(ExitStatus::Success)
}

pub(crate) async fn set(
    args: LifecycleSet,
    location: BucketLocation,
    printer: Printer,
) -> Result<ExitStatus> {
    let (add, yes, given) = (args.add, args.yes, given(args).await?);
    given.validate()?;
    let target = location.target()?;
    if !yes && let Some(rule) = given.rules.iter().find(|rule| empties_bucket(rule, SystemTime::now())) {
        confirm::possible(&format!("rule {}, which deletes all objects of the bucket now,", Key(&rule.id)))?;
        let question = format!("The rule {} deletes all objects of {target} now. Set it?", Key(&rule.id));
        if !confirm::ask(question).await? {
            return Ok(ExitStatus::Failed);
        }
    }
    let service = location.open_or_create(printer).await?;
    let policy = if add {
        let mut policy = service.lifecycle().await?.unwrap_or_default();
        policy.rules.retain(|rule| given.rules.iter().all(|given| given.id != rule.id));
        policy.rules.extend(given.rules);
        policy
    } else {
        given
    };
    service.set_lifecycle(policy.clone()).await?;
    if !policy.rules.iter().any(|rule| rule.enabled && rule.abort_uploads.is_some()) {
        printer.warning(
            "no rule aborts unfinished uploads: their parts stay forever, and are billed like objects",
        );
    }
    let rules = count(policy.rules.len() as u64, "lifecycle rule");
    let value = as_json(&policy, PolicyForm::Cloudflare)?;
    printer.result_at(format_args!("the bucket has {rules}"), &value, &target)?;
    Ok(ExitStatus::Success)
}

pub(crate) async fn rm(args: LifecycleRm, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    let target = location.target()?;
    let service = location.open(printer).await?;
    let mut policy = service.lifecycle().await?.unwrap_or_default();
    if let Some(id) = args.ids.iter().find(|id| policy.rules.iter().all(|rule| rule.id != **id)) {
        return Err(Error::NoLifecycleRule(id.clone()));
    }
    let before = policy.rules.len();
    policy.rules.retain(|rule| !args.all && !args.ids.contains(&rule.id));
    let (removed, left) = ((before - policy.rules.len()) as u64, policy.rules.len() as u64);
    if policy.rules.is_empty() {
        service.delete_lifecycle().await?;
    } else {
        service.set_lifecycle(policy).await?;
    }
    let line = format!("removed {}: {left} left", count(removed, "lifecycle rule"));
    printer.result_at(line, &json!({ "removed": removed, "left": left }), &target)?;
    Ok(ExitStatus::Success)
}

/// Whether a rule deletes all current objects.
fn empties_bucket(rule: &LifecycleRule, now: SystemTime) -> bool {
    let is_past = match rule.delete_objects {
        Some(LifecycleCondition::Age(age)) => age.is_zero(),
        Some(LifecycleCondition::Date(date)) => date <= now,
        _ => false,
    };
    rule.enabled && rule.prefix.is_empty() && is_past
}

/// Returns the rules of the file, or the rule given by the options.
async fn given(args: LifecycleSet) -> Result<LifecyclePolicy> {
    if let Some(path) = args.file {
        return read(&path).await;
    }
    let mut rule = LifecycleRule::new(args.id.unwrap_or_default());
    rule.prefix = args.prefix.unwrap_or_default();
    rule.delete_objects = args.delete_after.map(Into::into).or(args.delete_on.map(Into::into));
    rule.move_to_infrequent_access =
        args.infrequent_access_after.map(Into::into).or(args.infrequent_access_on.map(Into::into));
    rule.abort_uploads = args.abort_uploads_after;
    Ok(LifecyclePolicy::new([rule]))
}

async fn read(path: &Path) -> Result<LifecyclePolicy> {
    policy::read(path, LifecyclePolicy::from_json, FORM_HINT).await
}

fn as_json(policy: &LifecyclePolicy, form: PolicyForm) -> Result<Value> {
    let json = match form {
        PolicyForm::S3 => policy.to_s3_json()?,
        PolicyForm::Cloudflare => policy.to_cloudflare_json()?,
    };
    policy::value(&json)
}
