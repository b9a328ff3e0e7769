//! `cfstore r2 doctor`

mod access;
mod conditions;
mod connection;
mod content_security_policy;
mod cors;
mod entry;
mod examination;
mod finding;
mod http;
mod kv;
mod permissions;
mod presigned;
mod public_url;
mod range;
mod scratch;
mod secrets;
mod subject;
mod uploads;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod wrong_server;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cloudflare_clients::{HttpClient, LocalStore};
use cloudflare_emulator::{Credentials, Server};
use tokio::sync::oneshot;

use self::examination::{Options, cleanup, examine, late};
use self::finding::{Finding, Outcome};
use self::http::Http;
use self::scratch::Scratch;
use self::subject::Subject;
use crate::bucket_location::{BucketLocation, note_embedded};
use crate::cli::Doctor;
use crate::error::{Error, ExitStatus, Result};
use crate::printer::{BOLD, DIM, GREEN, Key, Printer, RED, YELLOW, count};
use crate::shutdown;
use crate::trust::Trust;
use crate::variables::{R2_ACCESS_KEY_ID, R2_BUCKET_MEDIA, R2_ENDPOINT, R2_SECRET_ACCESS_KEY, Variables};

/// Time limit of a check. At most four run one after the other, and then the cleanup.
const CHECK_LIMIT: Duration = Duration::from_millis(5500);
/// Time limit of the cleanup.
const CLEAN_LIMIT: Duration = Duration::from_secs(8);

pub(crate) async fn run(
    args: Doctor,
    bucket: Option<&str>,
    env_file: Option<&Path>,
    printer: Printer,
) -> Result<ExitStatus> {
    let requested = shutdown::requested()?;
    let variables = Variables::read(env_file)?;
    let var = |name: &str| variables.get(name);
    let served = match BucketLocation::embedded(var, bucket) {
        Some(location) if env_file.is_none() => Some(serve(location, printer).await?),
        _ => None,
    };
    let var = |name: &str| match &served {
        Some(served) => served.var(name).or_else(|| var(name)),
        None => var(name),
    };
    let subject = Subject::from_vars(var, bucket);
    let client = Trust::from_vars(var).client()?;
    let options = Options { origin: args.origin, public_url: args.public_url, proxy: subject.proxy(&client) };
    let patient = Patient {
        subject,
        options,
        client: Arc::new(client),
        check_limit: CHECK_LIMIT,
        clean_limit: CLEAN_LIMIT,
    };
    let examined = patient.examined_until(requested).await;
    let Some(findings) = examined.findings else {
        let cleanup = examined.cleanup;
        if cleanup.result != Outcome::Ok {
            printer.warning(format_args!("{}: {}", Key(&cleanup.seen), cleanup.mend.unwrap_or_default()));
        }
        return Err(Error::Interrupted);
    };
    let target = match served {
        Some(served) => served.target,
        None => patient.target(),
    };
    let mut findings = [findings, vec![examined.cleanup]].concat();
    if let Some(path) = env_file {
        for finding in &mut findings {
            finding.mend_in(path);
        }
    }
    report(&findings, &target, printer)
}

/// What to examine, and with which time limits.
struct Patient {
    subject: Subject,
    options: Options,
    client: Arc<dyn HttpClient>,
    check_limit: Duration,
    clean_limit: Duration,
}

impl Patient {
    /// Runs the checks until `stop` completes. Cleans up in any case.
    async fn examined_until(&self, stop: impl Future<Output = ()>) -> Examined {
        let http = Http::new(Arc::clone(&self.client), self.check_limit);
        let scratch = Scratch::new();
        let kv = async {
            let check = kv::check(Arc::clone(&self.client), self.subject.namespace.clone());
            let limited = tokio::time::timeout(self.check_limit, check).await;
            limited.unwrap_or_else(|_| late(kv::KV, self.check_limit))
        };
        let work = async { tokio::join!(examine(&self.subject, &self.options, &http, &scratch), kv) };
        let done = tokio::select! {
            done = work => Some(done),
            () = stop => None,
        };
        let was_used = scratch.is_used();
        let mut cleanup = cleanup(&scratch.clean(self.clean_limit).await, was_used, scratch.bucket());
        let hidden = |finding: &mut Finding| self.subject.secrets.hide_in(finding);
        hidden(&mut cleanup);
        let findings = done.map(|(mut findings, kv)| {
            findings.push(kv);
            findings.iter_mut().for_each(hidden);
            findings
        });
        Examined { findings, cleanup }
    }

    fn target(&self) -> String {
        match &self.subject.bucket {
            Ok(bucket) => format!("bucket {} at {}", bucket.name, bucket.endpoint),
            Err(_) => "no bucket".to_owned(),
        }
    }
}

struct Examined {
    /// `None` if it was stopped.
    findings: Option<Vec<Finding>>,
    /// Finding of the cleanup.
    cleanup: Finding,
}

/// The embedded store, served during the examination.
struct Served {
    /// Its name in summaries.
    target: String,
    variables: [(&'static str, String); 4],
    _stop: oneshot::Sender<()>,
}

impl Served {
    fn var(&self, name: &str) -> Option<OsString> {
        self.variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| value.into())
    }
}

async fn serve(location: (PathBuf, String), printer: Printer) -> Result<Served> {
    let (directory, bucket) = &location;
    if !directory.is_dir() {
        return Err(Error::NoStore(directory.clone()));
    }
    note_embedded(directory, bucket, printer);
    let target = BucketLocation::Embedded(directory.clone(), bucket.clone()).target()?;
    let store = LocalStore::open(directory).await?;
    let credentials = Credentials::load_or_create(directory)?;
    let server =
        Server::bind(store, credentials.clone(), ([127, 0, 0, 1], 0).into()).await.map_err(Error::Listen)?;
    let variables = [
        (R2_ENDPOINT, server.endpoint()),
        (R2_ACCESS_KEY_ID, credentials.access_key_id().to_owned()),
        (R2_SECRET_ACCESS_KEY, credentials.secret_access_key().to_owned()),
        (R2_BUCKET_MEDIA, bucket.clone()),
    ];
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(server.run(async {
        let _ = stopped.await;
    }));
    Ok(Served { target, variables, _stop: stop })
}

/// Prints the findings.
fn report(findings: &[Finding], target: &str, printer: Printer) -> Result<ExitStatus> {
    for finding in findings {
        let (style, word) = match finding.result {
            Outcome::Ok => (GREEN, "ok"),
            Outcome::Warning => (YELLOW, "warning"),
            Outcome::Broken => (RED, "broken"),
            Outcome::NotPossible => (DIM, "not possible"),
        };
        let Finding { check, seen, means, mend, .. } = finding;
        printer.json_at(finding, target)?;
        printer.line(format_args!("{style}{word:<12}{style:#}  {BOLD}{check}{BOLD:#}: {}", Key(seen)))?;
        printer.line(format_args!("              {DIM}{}{DIM:#}", Key(means)))?;
        if let Some(mend) = mend {
            printer.line(format_args!("              {BOLD}$ {}{BOLD:#}", Key(mend)))?;
        }
    }
    let number = |result| findings.iter().filter(|finding| finding.result == result).count();
    let broken = number(Outcome::Broken);
    printer.summary(
        format_args!(
            "{} checks: {} ok, {}, {broken} broken, {} not possible",
            findings.len(),
            number(Outcome::Ok),
            count(number(Outcome::Warning) as u64, "warning"),
            number(Outcome::NotPossible)
        ),
        target,
    );
    Ok(if broken == 0 { ExitStatus::Success } else { ExitStatus::Failed })
}
