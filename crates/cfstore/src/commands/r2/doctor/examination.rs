//! Which checks there are, and in which order: each begins when those are done that it depends on, and what depends
//! on nothing else runs side by side.
//!
//! 1. Workers KV, beside all the others.
//! 2. The connection and the clock.
//! 3. The way into the bucket.
//! 4. What the key may do, and unfinished uploads.
//! 5. What reads the object that was written, or one of the bucket's, and what writes others.
//! 6. What was written is removed, whatever has happened.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{self, BoxFuture, FutureExt as _};

use super::access::{Access, Sample};
use super::conditions::{self, CONDITIONS};
use super::connection::{self, CLOCK, CONNECTION};
use super::content_security_policy::{self as csp, CONTENT_SECURITY_POLICY};
use super::cors;
use super::entry::{self, BUCKET, CREDENTIALS, ENDPOINT, Entry, JURISDICTION, LIST, REGION};
use super::finding::{Finding, Outcome};
use super::http::Http;
use super::permissions::{self, ADMIN, OBJECT, READ, WRITE};
use super::presigned;
use super::public_url::{self, PUBLIC_URL};
use super::range::{self, RANGE};
use super::scratch::{Cleaned, FOLDER, Scratch};
use super::subject::{Bucket, Subject};
use super::uploads::{self, UPLOADS};

pub(super) const CLEANUP: &str = "cleanup";

/// What is asked about besides the bucket.
#[derive(Debug, Clone, Default)]
pub(super) struct Options {
    pub(super) origin: Option<String>,
    pub(super) public_url: Option<String>,
}

/// All checks of the bucket but the last, which is [`cleanup`].
pub(super) async fn examine(
    subject: &Subject,
    options: &Options,
    http: &Http,
    scratch: &Scratch,
) -> Vec<Finding> {
    let mut findings = vec![subject.finding()];
    match &subject.bucket {
        Ok(bucket) => Examination { options, http, scratch }.bucket(bucket, &mut findings).await,
        Err(_) => untried(&FROM_CONNECTION, "the variables are", &mut findings),
    }
    findings
}

const FROM_CONNECTION: [&str; 19] = [
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
    PUBLIC_URL,
    CONTENT_SECURITY_POLICY,
    UPLOADS,
];
const FROM_ENTRY: [&str; 6] = [REGION, JURISDICTION, ENDPOINT, CREDENTIALS, BUCKET, LIST];

struct Examination<'a> {
    options: &'a Options,
    http: &'a Http,
    scratch: &'a Scratch,
}

impl Examination<'_> {
    async fn bucket(&self, bucket: &Bucket, findings: &mut Vec<Finding>) {
        let access = match bucket.access(self.http.clone()) {
            Ok(access) => access,
            Err(error) => {
                findings.push(Finding::broken(CONNECTION, error.to_string(), "no request can be signed"));
                return untried(&FROM_CONNECTION[1..], "the variables are", findings);
            }
        };
        let reached = async {
            let reached = connection::check(&access).await;
            match reached {
                Ok((found, ahead)) => (Vec::from(found), Some(ahead)),
                Err(broken) => (vec![broken], None),
            }
        };
        let (found, ahead) = match tokio::time::timeout(self.http.limit, reached).await {
            Ok(reached) => reached,
            Err(_) => (vec![late(CONNECTION, self.http.limit)], None),
        };
        findings.extend(found);
        let Some(ahead) = ahead else { return untried(&FROM_CONNECTION[1..], "the connection is", findings) };
        let access = access.going_by_service(ahead);

        let entry = entry::enter(access.clone(), bucket.region.as_deref());
        let entry = match tokio::time::timeout(self.http.limit, entry).await {
            Ok(entry) => entry,
            Err(_) => Entry {
                findings: FROM_ENTRY.map(|check| late(check, self.http.limit)).into(),
                access: Err("the bucket does not answer in time".to_owned()),
                sample: None,
                may_write: Err(String::new()),
            },
        };
        findings.extend(entry.findings);
        let found = match entry.access {
            Ok(access) => self.inside(&access, entry.sample, entry.may_write).await,
            Err(why) => self.outside(&access, &why).await,
        };
        findings.extend(found);
    }

    /// What can be checked of a bucket that nothing can be asked of.
    async fn outside(&self, access: &Access, why: &str) -> Vec<Finding> {
        let not = |check| not_possible(check, why);
        let mut found: Vec<_> =
            [READ, WRITE, ADMIN, presigned::GET, presigned::HEAD, presigned::PUT, RANGE, CONDITIONS]
                .map(not)
                .into();
        let key = self.scratch.key(OBJECT);
        let checks: Vec<Check<'_>> = vec![
            self.with_origin(cors::GET, |origin| cors::get(access, &key, origin, None).boxed()),
            self.with_origin(cors::PUT, |origin| cors::put(access, &key, origin).boxed()),
            ready(not(cors::PARTS)),
            self.with_public_url(|_| ready(not(PUBLIC_URL)).1),
            self.content_security_policy(access),
            ready(not(UPLOADS)),
        ];
        found.extend(self.side_by_side(checks).await);
        found
    }

    async fn inside(
        &self,
        access: &Access,
        sample: Option<Sample>,
        may_write: Result<(), String>,
    ) -> Vec<Finding> {
        let scratch = self.scratch;
        scratch.use_bucket(access);
        let content = Bytes::from(format!("cfstore r2 doctor: {}\n", scratch.key(OBJECT)));
        let write: Check<'_> = match may_write {
            Ok(()) => (WRITE, permissions::write(access, scratch, &content).boxed()),
            Err(why) => ready(not_possible(WRITE, &why)),
        };
        let first = vec![
            (READ, permissions::read(access, sample.as_ref(), scratch).boxed()),
            write,
            (ADMIN, permissions::admin(access).boxed()),
            (UPLOADS, uploads::check(access).boxed()),
        ];
        let mut found = self.side_by_side(first).await;
        let uploads = found.pop();
        let written = found.iter().any(|finding| finding.check == WRITE && finding.result == Outcome::Ok);
        let own = written.then(|| Sample { key: scratch.key(OBJECT), size: content.len() as u64 });
        let sample = own.or(sample);

        let key = scratch.key(OBJECT);
        let cannot_write = |check| ready(not_possible(check, "nothing could be written"));
        let read = sample.as_ref();
        let nothing = "nothing could be written, and the bucket shows no object to read";
        let mut checks: Vec<Check<'_>> = match read {
            Some(sample) => vec![
                (presigned::GET, presigned::get(access, sample).boxed()),
                (presigned::HEAD, presigned::head(access, sample).boxed()),
            ],
            None => vec![
                ready(not_possible(presigned::GET, nothing)),
                ready(not_possible(presigned::HEAD, nothing)),
            ],
        };
        checks.push(if written {
            (presigned::PUT, presigned::put(access, scratch).boxed())
        } else {
            cannot_write(presigned::PUT)
        });
        checks.push(match read {
            Some(sample) => (RANGE, range::check(access, sample).boxed()),
            None => ready(not_possible(RANGE, nothing)),
        });
        checks.push(if written {
            (CONDITIONS, conditions::check(access, scratch, &content).boxed())
        } else {
            cannot_write(CONDITIONS)
        });
        checks.push(self.with_origin(cors::GET, |origin| cors::get(access, &key, origin, read).boxed()));
        checks.push(self.with_origin(cors::PUT, |origin| cors::put(access, &key, origin).boxed()));
        checks.push(self.with_origin(cors::PARTS, |origin| {
            if written { cors::parts(access, origin, scratch).boxed() } else { cannot_write(cors::PARTS).1 }
        }));
        checks.push(self.with_public_url(|base| match public_url::misnamed(base, access) {
            Some(finding) => future::ready(finding).boxed(),
            None if written => {
                let origin = self.options.origin.as_deref();
                public_url::check(self.http, access, base, &key, &content, origin).boxed()
            }
            None => cannot_write(PUBLIC_URL).1,
        }));
        checks.push(self.content_security_policy(access));
        found.extend(self.side_by_side(checks).await);
        found.extend(uploads);
        found
    }

    fn content_security_policy<'a>(&'a self, access: &'a Access) -> Check<'a> {
        let Options { origin, public_url } = self.options;
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
                    "whether pages may use the bucket depends on theirs",
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
                    "a bucket without a public domain is reached by presigned URLs alone",
                )
                .mend("cfstore r2 doctor --public-url https://media.example.com"),
            ),
        }
    }

    /// Runs checks side by side, each as long as a check may take.
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
    .mend("cfstore r2 doctor  # again; https://www.cloudflarestatus.com tells whether R2 is down")
}

fn not_possible(check: &'static str, why: &str) -> Finding {
    Finding::not_possible(check, "not tried", why)
}

fn untried(checks: &[&'static str], what: &str, findings: &mut Vec<Finding>) {
    findings.extend(checks.iter().map(|check| not_possible(check, &format!("{what} broken"))));
}

/// What became of what was written.
pub(super) fn cleanup(cleaned: &Cleaned, was_used: bool) -> Finding {
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
    let mend = format!(
        "cfstore r2 rm --prefix {FOLDER} --yes && cfstore r2 uploads clean {FOLDER} --older-than 0s --yes"
    );
    if !failures.is_empty() {
        let seen = format!("{removed}; {}", failures.join("; "));
        return Finding::warning(CLEANUP, seen, "something of this run may be left in the bucket").mend(mend);
    }
    if !left.is_empty() {
        let seen = format!("{removed}; below {FOLDER} there still is {}", left.join(", "));
        return Finding::warning(CLEANUP, seen, "another doctor is at work, or was killed").mend(mend);
    }
    Finding::ok(CLEANUP, removed, "the bucket is as it was")
}
