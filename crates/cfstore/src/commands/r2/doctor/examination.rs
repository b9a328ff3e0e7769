//! The checks and their order: each starts when those it depends on are done, and independent ones run
//! concurrently.
//!
//! 1. Workers KV, concurrently with all the others.
//! 2. The connection and the clock.
//! 3. The access to the bucket.
//! 4. The permissions of the key, and unfinished uploads.
//! 5. Checks that read the written object or one of the bucket, and checks that write others.
//! 6. The cleanup of what was written, in any case.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{self, BoxFuture, FutureExt as _};

use crate::shell::quoted;
use crate::variables::R2_BUCKET_MEDIA;

use super::access::{Access, FOLDER, Sample};
use super::conditions::{self, CONDITIONS};
use super::connection::{self, CLOCK, CONNECTION, Proxy};
use super::content_security_policy::{self as csp, CONTENT_SECURITY_POLICY};
use super::cors;
use super::entry::{self, BUCKET, CREDENTIALS, ENDPOINT, Entry, JURISDICTION, LIST, REGION, Way};
use super::finding::{Finding, Outcome};
use super::http::Http;
use super::permissions::{self, ADMIN, OBJECT, READ, WRITE};
use super::presigned;
use super::public_url::{self, PUBLIC_URL};
use super::range::{self, RANGE};
use super::scratch::{Cleaned, Scratch};
use super::subject::{Bucket, Subject, VARIABLES};
use super::uploads::{self, UPLOADS};

pub(super) const CLEANUP: &str = "cleanup";

/// What to check in addition to the bucket.
#[derive(Debug, Clone, Default)]
pub(super) struct Options {
    pub(super) origin: Option<String>,
    pub(super) public_url: Option<String>,
    /// The proxy in front of the host, if any.
    pub(super) proxy: Option<Proxy>,
}

/// All checks of the bucket in the order of the report, except for the last, which is [`cleanup`].
pub(super) const CHECKS: [&str; 23] = [
    VARIABLES,
    CONNECTION,
    CLOCK,
    REGION,
    JURISDICTION,
    ENDPOINT,
    CREDENTIALS,
    BUCKET,
    LIST,
    READ,
    WRITE,
    ADMIN,
    presigned::GET,
    presigned::HEAD,
    presigned::PUT,
    RANGE,
    CONDITIONS,
    cors::GET,
    cors::PUT,
    cors::PARTS,
    PUBLIC_URL,
    CONTENT_SECURITY_POLICY,
    UPLOADS,
];

/// Runs the [`CHECKS`], and returns a finding for each.
pub(super) async fn examine(
    subject: &Subject,
    options: &Options,
    http: &Http,
    scratch: &Scratch,
) -> Vec<Finding> {
    let mut found = vec![subject.finding()];
    let why = match &subject.bucket {
        Ok(bucket) => Examination { options, http, scratch }.bucket(bucket, &mut found).await,
        Err(_) => Err("the variables do not name a bucket".to_owned()),
    };
    if let Ok(bucket) = &subject.bucket {
        explain_what_may_do_nothing(&mut found, bucket);
    }
    let in_order = CHECKS.map(|check| {
        let at = found.iter().position(|finding| finding.check == check);
        at.map_or_else(
            || not_possible(check, why.as_ref().err().map_or("an earlier check is broken", String::as_str)),
            |at| found.swap_remove(at),
        )
    });
    in_order.into()
}

/// Explains a key that can neither list, read nor write. A permanent key is for another bucket; temporary
/// credentials may be for another prefix.
fn explain_what_may_do_nothing(found: &mut [Finding], bucket: &Bucket) {
    let is_refused =
        |check| found.iter().any(|finding| finding.check == check && finding.result == Outcome::NotPossible);
    if ![LIST, READ, WRITE].into_iter().all(is_refused) {
        return;
    }
    let Some(list) = found.iter_mut().find(|finding| finding.check == LIST) else { return };
    if bucket.is_temporary() {
        "these temporary credentials are for another prefix, or have expired".clone_into(&mut list.means);
        list.mend = Some(
            "cfstore r2 credentials --prefix creator-123/ --expires 1h  # with the permanent key".to_owned(),
        );
    } else {
        list.result = Outcome::Broken;
        list.means = format!(
            "this key has no permissions in bucket {}: the key is for another bucket, or the bucket's name is wrong",
            bucket.name
        );
        list.mend = Some(format!("export {R2_BUCKET_MEDIA}=NAME  # the bucket that the key is for"));
    }
}

struct Examination<'a> {
    options: &'a Options,
    http: &'a Http,
    scratch: &'a Scratch,
}

impl Examination<'_> {
    /// Runs the checks that are possible. The error says why the others are not.
    async fn bucket(&self, bucket: &Bucket, found: &mut Vec<Finding>) -> Result<(), String> {
        let limit = self.http.limit;
        let access = bucket.access(self.http.clone()).map_err(|error| error.to_string())?;
        let reached =
            tokio::time::timeout(limit, connection::check(&access, self.options.proxy.as_ref())).await;
        let access = match reached.unwrap_or_else(|_| Err(late(CONNECTION, limit))) {
            Ok((connected, ahead)) => {
                found.extend(connected);
                access.going_by_service(ahead)
            }
            Err(broken) => {
                found.push(broken);
                return Err("the host cannot be reached".to_owned());
            }
        };
        let entry = entry::enter(access.clone(), bucket.region.as_deref());
        let entry = tokio::time::timeout(limit, entry).await;
        let entry = entry.unwrap_or_else(|_| Entry {
            findings: vec![late(BUCKET, limit)],
            way: Err("the bucket did not answer in time".to_owned()),
        });
        found.extend(entry.findings);
        match entry.way {
            Ok(way) => self.inside(way, found).await,
            Err(why) => {
                self.outside(&access, found).await;
                return Err(why);
            }
        }
        Ok(())
    }

    /// Runs the checks that do not need access to the bucket.
    async fn outside(&self, access: &Access, found: &mut Vec<Finding>) {
        let key = self.scratch.key(OBJECT);
        let checks = vec![
            self.with_origin(cors::GET, |origin| cors::get(access, &key, origin, None).boxed()),
            self.with_origin(cors::PUT, |origin| cors::put(access, &key, origin).boxed()),
            self.content_security_policy(access),
        ];
        found.extend(self.side_by_side(checks).await);
    }

    async fn inside(&self, way: Way, found: &mut Vec<Finding>) {
        let (scratch, access) = (self.scratch, &way.access);
        scratch.use_bucket(access);
        let content = Bytes::from(format!("cfstore r2 doctor: {}\n", scratch.key(OBJECT)));
        let write = match &way.may_write {
            Ok(()) => (WRITE, permissions::write(access, scratch, &content).boxed()),
            Err(why) => ready(not_possible(WRITE, why)),
        };
        let permissions = vec![
            (READ, permissions::read(access, way.sample.as_ref(), scratch).boxed()),
            write,
            (ADMIN, permissions::admin(access).boxed()),
            (UPLOADS, uploads::check(access).boxed()),
        ];
        found.extend(self.side_by_side(permissions).await);
        let written = found.iter().any(|finding| finding.check == WRITE && finding.result == Outcome::Ok);

        let key = scratch.key(OBJECT);
        let own = written.then(|| Sample { key: key.clone(), size: content.len() as u64 });
        let sample = own.or(way.sample);
        let sample = sample.as_ref();
        let unread = "nothing could be written, and the listing has no object to read";
        let unwritten = "nothing could be written";
        let checks = vec![
            or_not(presigned::GET, sample.map(|sample| presigned::get(access, sample).boxed()), unread),
            or_not(presigned::HEAD, sample.map(|sample| presigned::head(access, sample).boxed()), unread),
            or_not(presigned::PUT, written.then(|| presigned::put(access, scratch).boxed()), unwritten),
            or_not(RANGE, sample.map(|sample| range::check(access, sample).boxed()), unread),
            or_not(
                CONDITIONS,
                written.then(|| conditions::check(access, scratch, &content).boxed()),
                unwritten,
            ),
            self.with_origin(cors::GET, |origin| cors::get(access, &key, origin, sample).boxed()),
            self.with_origin(cors::PUT, |origin| cors::put(access, &key, origin).boxed()),
            self.with_origin(cors::PARTS, |origin| {
                let parts = written.then(|| cors::parts(access, origin, scratch).boxed());
                or_not(cors::PARTS, parts, unwritten).1
            }),
            self.with_public_url(|base| {
                if let Some(finding) = public_url::misnamed(base, access) {
                    return future::ready(finding).boxed();
                }
                let origin = self.options.origin.as_deref();
                let check = || public_url::check(self.http, access, base, &key, &content, origin).boxed();
                or_not(PUBLIC_URL, written.then(check), unwritten).1
            }),
            self.content_security_policy(access),
        ];
        found.extend(self.side_by_side(checks).await);
    }

    fn content_security_policy<'a>(&'a self, access: &'a Access) -> Check<'a> {
        let Options { origin, public_url, .. } = self.options;
        let limit = self.http.limit * 3 / 4;
        let check = csp::check(self.http, access, origin.as_deref(), public_url.as_deref(), limit);
        (CONTENT_SECURITY_POLICY, check.boxed())
    }

    fn with_origin<'a>(
        &'a self,
        check: &'static str,
        run: impl FnOnce(&'a str) -> BoxFuture<'a, Finding>,
    ) -> Check<'a> {
        match &self.options.origin {
            Some(origin) => (check, run(origin)),
            None => ready(
                Finding::not_possible(
                    check,
                    "no --origin was given",
                    "whether pages can use the bucket depends on their origin",
                )
                .mend("cfstore r2 doctor --origin https://app.example.com"),
            ),
        }
    }

    fn with_public_url<'a>(&'a self, run: impl FnOnce(&'a str) -> BoxFuture<'a, Finding>) -> Check<'a> {
        match &self.options.public_url {
            Some(base) => (PUBLIC_URL, run(base)),
            None => ready(
                Finding::not_possible(
                    PUBLIC_URL,
                    "no --public-url was given",
                    "a bucket without a public domain can be reached only with presigned URLs",
                )
                .mend("cfstore r2 doctor --public-url https://media.example.com"),
            ),
        }
    }

    /// Runs checks concurrently, each with the time limit of a check.
    async fn side_by_side(&self, checks: Vec<Check<'_>>) -> Vec<Finding> {
        let limit = self.http.limit;
        let limited = checks.into_iter().map(async |(check, run)| {
            tokio::time::timeout(limit, run).await.unwrap_or_else(|_| late(check, limit))
        });
        future::join_all(limited).await
    }
}

type Check<'a> = (&'static str, BoxFuture<'a, Finding>);

fn ready<'a>(finding: Finding) -> Check<'a> {
    (finding.check, future::ready(finding).boxed())
}

pub(super) fn late(check: &'static str, limit: Duration) -> Finding {
    Finding::broken(
        check,
        format!("not done within {limit:?}"),
        "the service answers too slowly, or not at all",
    )
    .mend("cfstore r2 doctor  # try again; https://www.cloudflarestatus.com shows whether R2 is down")
}

fn not_possible(check: &'static str, why: &str) -> Finding {
    Finding::not_possible(check, "not tried", why)
}

/// Returns the check, or a finding that says why it is not run.
fn or_not<'a>(check: &'static str, run: Option<BoxFuture<'a, Finding>>, why: &str) -> Check<'a> {
    match run {
        Some(run) => (check, run),
        None => ready(not_possible(check, why)),
    }
}

/// Reports the cleanup of what was written.
pub(super) fn cleanup(cleaned: &Cleaned, was_used: bool, bucket: Option<&str>) -> Finding {
    let Cleaned { removed, aborted, failures, left } = cleaned;
    let removed = if was_used {
        format!(
            "{} and {} removed",
            crate::printer::count(*removed as u64, "object"),
            crate::printer::count(*aborted as u64, "upload")
        )
    } else {
        "nothing was written".to_owned()
    };
    let bucket = bucket.map(|name| format!(" --bucket {}", quoted(name))).unwrap_or_default();
    let mend = format!(
        "cfstore r2 rm{bucket} --prefix {FOLDER} --yes && \
         cfstore r2 uploads clean{bucket} {FOLDER} --older-than 0s --yes"
    );
    if !failures.is_empty() {
        let seen = format!("{removed}; {}", failures.join("; "));
        return Finding::warning(CLEANUP, seen, "something of this run may be left in the bucket").mend(mend);
    }
    if !left.is_empty() {
        let seen = format!("{removed}; left below {FOLDER}: {}", left.join(", "));
        return Finding::warning(CLEANUP, seen, "another doctor is running, or was killed").mend(mend);
    }
    Finding::ok(CLEANUP, removed, "the bucket is unchanged")
}
