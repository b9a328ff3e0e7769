//! `cfstore r2 cors show|set|rm|check`

use std::path::Path;

use cloudflare_clients::r2::{CorsPolicy, CorsRequest, CorsRule};
use serde_json::{Value, json};

use super::policy;
use crate::bucket_location::BucketLocation;
use crate::cli::{CorsCheck, CorsSet, CorsShow, PolicyForm};
use crate::error::{Error, ExitStatus, Result};
use crate::printer::{Key, Printer, count};
use crate::shell::quoted;

/// Hint for an invalid file.
const FORM_HINT: &str = "`cfstore r2 cors show` prints the format; an example of a rule: \
     [{\"AllowedOrigins\": [\"https://app.example.com\"], \"AllowedMethods\": [\"GET\"]}]";

pub(crate) async fn show(args: CorsShow, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    let target = location.target()?;
    let service = location.open(printer).await?;
    let Some(policy) = service.cors().await? else {
        return Err(Error::NoCors(target));
    };
    let value = as_json(&policy, args.form)?;
    policy::print(&value, &target, printer)?;
    Ok(ExitStatus::Success)
}

pub(crate) async fn set(args: CorsSet, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    let (add, given) = (args.add, given(args).await?);
    given.validate()?;
    warn_of_patterns(&given, printer);
    let target = location.target()?;
    let service = location.open_or_create(printer).await?;
    let policy = if add {
        let mut policy = service.cors().await?.unwrap_or_default();
        policy
            .rules
            .extend(given.rules.into_iter().filter(|rule| !policy.rules.contains(rule)).collect::<Vec<_>>());
        policy
    } else {
        given
    };
    service.set_cors(policy.clone()).await?;
    let rules = count(policy.rules.len() as u64, "CORS rule");
    printer.result_at(format_args!("the bucket has {rules}"), &as_json(&policy, PolicyForm::S3)?, &target)?;
    Ok(ExitStatus::Success)
}

pub(crate) async fn rm(location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    let target = location.target()?;
    let service = location.open(printer).await?;
    let removed = service.cors().await?.map_or(0, |policy| policy.rules.len() as u64);
    service.delete_cors().await?;
    let line = format!("removed {}: no web page can use the bucket", count(removed, "CORS rule"));
    printer.result_at(line, &json!({ "removed": removed }), &target)?;
    Ok(ExitStatus::Success)
}

pub(crate) async fn check(args: CorsCheck, location: BucketLocation, printer: Printer) -> Result<ExitStatus> {
    let CorsCheck { origin, method, header, file } = args;
    // Refuses an origin that no browser can send.
    if CorsPolicy::new([CorsRule::new([&origin], [method.clone()])]).validate().is_err()
        || origin.contains('*')
    {
        return Err(Error::usage(
            format!("--origin {origin:?} is not the origin of a page"),
            "write it as scheme://host or scheme://host:port, such as https://app.example.com",
        ));
    }
    let (policy, target) = if let Some(path) = &file {
        let policy = read(path).await?;
        policy.validate()?;
        (policy, path.display().to_string())
    } else {
        let target = location.target()?;
        (location.open(printer).await?.cors().await?.unwrap_or_default(), target)
    };
    let names =
        if header.is_empty() { String::new() } else { format!(" --header {}", quoted(&header.join(","))) };
    let allowing = format!("cfstore r2 cors set --add --origin {} --method {method}{names}", quoted(&origin));
    match policy.check(&CorsRequest::new(origin, method).headers(header)) {
        Ok(found) => {
            let rule = found.rule;
            let name = rule.id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
            let exposed = match rule.expose_headers.as_slice() {
                [] => "only the default response headers".to_owned(),
                names => format!("the response headers {}", names.join(", ")),
            };
            let line = format!("rule {}{name} allows it; the page can read {exposed}", found.number);
            let value = json!({
                "allowed": true,
                "rule": found.number,
                "id": rule.id,
                "exposeHeaders": rule.expose_headers,
                "maxAgeSeconds": rule.max_age_seconds,
            });
            printer.result_at(Key(&line), &value, &target)?;
            Ok(ExitStatus::Success)
        }
        Err(refusal) => {
            let reasons: Vec<String> = refusal.to_string().lines().map(str::to_owned).collect();
            printer.json_at(&json!({ "allowed": false, "reasons": reasons }), &target)?;
            reasons.iter().try_for_each(|reason| printer.line(Key(reason)))?;
            printer.summary("refused", &target);
            if file.is_none() {
                printer.note(format_args!("`{allowing}` allows it"));
            }
            Ok(ExitStatus::Failed)
        }
    }
}

/// Returns the rules of the file, or the rule given by the options.
async fn given(args: CorsSet) -> Result<CorsPolicy> {
    let CorsSet { file, origin, method, header, expose, max_age, .. } = args;
    if let Some(path) = file {
        return read(&path).await;
    }
    let mut rule = CorsRule::new(origin, method).allow_headers(header).expose_headers(expose);
    rule.max_age_seconds = max_age.map(|age| u32::try_from(age.as_secs()).unwrap_or(u32::MAX));
    Ok(CorsPolicy::new([rule]))
}

async fn read(path: &Path) -> Result<CorsPolicy> {
    policy::read(path, CorsPolicy::from_json, FORM_HINT).await
}

fn warn_of_patterns(policy: &CorsPolicy, printer: Printer) {
    let origins = policy.rules.iter().flat_map(|rule| &rule.allowed_origins);
    for origin in origins.filter(|origin| origin.contains('*') && *origin != "*") {
        printer.warning(format_args!(
            "{} does not allow any page: R2 compares origins exactly, so list each origin",
            Key(origin)
        ));
    }
}

fn as_json(policy: &CorsPolicy, form: PolicyForm) -> Result<Value> {
    let json = match form {
        PolicyForm::S3 => policy.to_s3_json()?,
        PolicyForm::Cloudflare => policy.to_cloudflare_json()?,
    };
    policy::value(&json)
}
