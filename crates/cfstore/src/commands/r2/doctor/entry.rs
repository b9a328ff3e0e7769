//! Checks of the access to the bucket: region, jurisdiction, address, credentials, and whether the bucket
//! exists. If one of them is wrong and the right value can be found, the other checks continue with that.

use cloudflare_clients::r2::{Addressing, Jurisdiction};
use cloudflare_clients::s3::endpoint::Endpoint;
use cloudflare_clients::{Error, ErrorKind};
use futures_util::future::join_all;

use super::access::{Access, Listing, R2_DOMAIN, Refusal, Sample};
use super::finding::Finding;
use crate::shell::quoted;
use crate::variables::{
    R2_ACCESS_KEY_ID, R2_BUCKET_MEDIA, R2_ENDPOINT, R2_JURISDICTION, R2_REGION, R2_SECRET_ACCESS_KEY,
};

pub(super) const REGION: &str = "region";
pub(super) const JURISDICTION: &str = "jurisdiction";
pub(super) const ENDPOINT: &str = "endpoint";
pub(super) const CREDENTIALS: &str = "credentials";
pub(super) const BUCKET: &str = "bucket";
pub(super) const LIST: &str = "list";

/// Names of R2's only region.
const R2_REGIONS: [&str; 2] = ["auto", "us-east-1"];

pub(super) struct Entry {
    pub(super) findings: Vec<Finding>,
    /// Access to the bucket, or why it cannot be accessed.
    pub(super) way: Result<Way, String>,
}

pub(super) struct Way {
    pub(super) access: Access,
    pub(super) sample: Option<Sample>,
    /// Why the doctor does not write, if it does not.
    pub(super) may_write: Result<(), String>,
}

/// Finds access to the bucket.
pub(super) async fn enter(access: Access, region: Option<&str>) -> Entry {
    let listed = access.list().await;
    let (access, listed, region) = in_region(access, listed, region).await;
    let (access, listed, jurisdiction) = in_jurisdiction(access, listed).await;
    let (access, listed, endpoint) = at_endpoint(access, listed).await;
    let mut findings = vec![region, jurisdiction, endpoint];
    let way = match listed {
        Ok(listing) => {
            let accepted = "a signed request was accepted";
            findings.extend([
                Finding::ok(CREDENTIALS, accepted, "the key and its secret are valid"),
                Finding::ok(BUCKET, format!("{} answers", access.bucket), "the bucket exists"),
                Finding::ok(LIST, "the bucket's objects can be listed", "the key has permission to list"),
            ]);
            let may_write = match &listing.name {
                Some(name) if *name == access.bucket => Ok(()),
                Some(_) => Err("the service answers as another bucket than the named one".to_owned()),
                None => unless_elsewhere(&access),
            };
            Ok(Way { access, sample: listing.sample, may_write })
        }
        // An error with a code comes from the service, not from a proxy in front of it.
        Err(Refusal { error, .. }) if error.kind() == ErrorKind::Forbidden && error.code().is_some() => {
            Ok(unlisted(access, &error, &mut findings))
        }
        Err(Refusal { error, .. }) => Err(refused(&access, &error, &mut findings)),
    };
    Entry { findings, way }
}

type Listed = Result<Listing, Refusal>;

/// Access with a key that has no permission to list.
fn unlisted(access: Access, error: &Error, findings: &mut Vec<Finding>) -> Way {
    let seen = error.to_string();
    let untold = "without permission to list, the service does not say whether the bucket exists";
    let need_not =
        "the key has no permission to list, which a key for single objects or prefixes does not need";
    findings.extend([
        Finding::ok(CREDENTIALS, &*seen, "the key and its secret are valid; only the listing is refused"),
        Finding::not_possible(BUCKET, &*seen, untold),
        Finding::not_possible(LIST, seen, need_not),
    ]);
    let may_write = unless_elsewhere(&access);
    Way { access, sample: None, may_write }
}

/// Refuses to write if the endpoint may already contain a bucket, which only a listing could rule out.
fn unless_elsewhere(access: &Access) -> Result<(), String> {
    let endpoint = access.endpoint.to_string();
    let has_path = endpoint.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    if has_path || without_bucket(access).is_some() {
        return Err(format!(
            "the endpoint {endpoint} may already contain a bucket, and there is no listing to check it"
        ));
    }
    Ok(())
}

/// Records why the bucket cannot be accessed, and returns the reason.
fn refused(access: &Access, error: &Error, findings: &mut Vec<Finding>) -> String {
    let seen = error.to_string();
    let (found, why) = match error.kind() {
        _ if error.code() == Some("RequestTimeTooSkewed") => {
            let means = "the clock of this machine or of the service is wrong: R2 allows 15 minutes";
            let found = Finding::broken(CREDENTIALS, seen, means).mend("sudo timedatectl set-ntp true");
            (found, "signatures have the wrong time")
        }
        ErrorKind::Credentials => {
            let means = "the key belongs to another account, was deleted or has expired, or the secret belongs to another key";
            let mend = format!(
                "export {R2_ACCESS_KEY_ID}=... {R2_SECRET_ACCESS_KEY}=...  # of an API token of this account; create one on \
                 the R2 page of the dashboard"
            );
            (Finding::broken(CREDENTIALS, seen, means).mend(mend), "the credentials are rejected")
        }
        ErrorKind::NoSuchBucket => {
            let known = "the key and its secret are valid";
            findings.push(Finding::ok(CREDENTIALS, &*seen, known));
            let mend = format!(
                "cfstore r2 bucket create {}  # or, for another bucket: export {R2_BUCKET_MEDIA}=NAME",
                access.bucket
            );
            let means = format!("the account does not have the bucket {}", access.bucket);
            (Finding::broken(BUCKET, seen, means).mend(mend), "the bucket does not exist")
        }
        ErrorKind::Server | ErrorKind::RateLimited | ErrorKind::Timeout | ErrorKind::Connection => {
            let mend =
                "cfstore r2 doctor  # try again; https://www.cloudflarestatus.com shows whether R2 is down";
            (Finding::broken(BUCKET, seen, "the service fails").mend(mend), "the service fails")
        }
        _ => {
            let means = "the server that answers does not speak R2's S3 API";
            let mend = format!(
                "export {R2_ENDPOINT}=https://ACCOUNT_ID{R2_DOMAIN}  # or the address of another S3 service, without the bucket"
            );
            (Finding::broken(BUCKET, seen, means).mend(mend), "the bucket does not answer")
        }
    };
    findings.push(found);
    why.to_owned()
}

async fn in_region(access: Access, listed: Listed, given: Option<&str>) -> (Access, Listed, Finding) {
    let signed_for = given.unwrap_or("auto");
    let wanted = match &listed {
        // A service that does not name its region may use R2's.
        Err(Refusal { error, region }) if is_about_region(error) => region.as_deref().or(Some("auto")),
        _ => None,
    };
    if let Some(region) = wanted
        && region != signed_for
        && let Ok(moved) = access.in_region(region)
        && let again = moved.list().await
        && !matches!(&again, Err(Refusal { error, .. }) if is_about_region(error))
    {
        let seen = format!("requests are signed for region {signed_for}, but the service requires {region}");
        let mend = match region {
            "auto" => format!("unset {R2_REGION}"),
            region => format!("export {R2_REGION}={}", quoted(region)),
        };
        let finding =
            Finding::broken(REGION, seen, "every request is refused; the other checks use the right region")
                .mend(mend);
        return (moved, again, finding);
    }
    let seen = format!("requests are signed for region {signed_for}");
    let finding = match &listed {
        Err(Refusal { error, .. }) if is_about_region(error) => Finding::broken(
            REGION,
            format!("{seen}: {error}"),
            "the service requires another region, but does not say which",
        )
        .mend(format!("export {R2_REGION}=us-east-1  # or the region in the service's settings")),
        _ if access.is_r2() && !R2_REGIONS.contains(&signed_for) => {
            Finding::warning(REGION, seen, "R2 has one region, auto; it may stop accepting others")
                .mend(format!("unset {R2_REGION}"))
        }
        Ok(_) => Finding::ok(REGION, seen, "the service accepts it"),
        // The service checks the signature before permissions.
        Err(Refusal { error, .. }) if error.code() == Some("AccessDenied") => {
            Finding::ok(REGION, seen, "the service accepts it")
        }
        Err(_) if access.is_r2() => Finding::ok(REGION, seen, "R2 accepts it"),
        Err(_) => Finding::not_possible(REGION, seen, "the service accepted no request, which would show it"),
    };
    (access, listed, finding)
}

fn is_about_region(error: &Error) -> bool {
    matches!(error.code(), Some("AuthorizationHeaderMalformed" | "InvalidRegionName" | "InvalidRegion"))
        || error.message().contains("region")
}

async fn in_jurisdiction(access: Access, listed: Listed) -> (Access, Listed, Finding) {
    let Some((account, own)) = account(&access) else {
        let finding = Finding::not_possible(
            JURISDICTION,
            format!("{} is not R2's own address", access.endpoint),
            "only R2 has jurisdictions",
        );
        return (access, listed, finding);
    };
    let of =
        |jurisdiction: Option<Jurisdiction>| jurisdiction.map_or("no jurisdiction", Jurisdiction::as_str);
    if !matches!(&listed, Err(refusal) if refusal.error.kind() == ErrorKind::NoSuchBucket) {
        let finding = match &listed {
            Ok(_) => {
                Finding::ok(JURISDICTION, format!("the bucket is in {}", of(own)), "the address is right")
            }
            Err(_) => Finding::not_possible(
                JURISDICTION,
                format!("the address is that of {}", of(own)),
                "the service did not say whether the bucket exists",
            ),
        };
        return (access, listed, finding);
    }
    let all = [None, Some(Jurisdiction::Eu), Some(Jurisdiction::FedRamp), Some(Jurisdiction::Us)];
    let others = all.into_iter().filter(|other| *other != own).filter_map(|other| {
        let endpoint =
            Endpoint::r2(&account, other).ok()?.with_addressing(access.endpoint.addressing()).ok()?;
        Some((other, access.moved_to(endpoint).ok()?))
    });
    let tried = join_all(others.map(async |(other, moved)| (other, moved.list().await, moved))).await;
    for (other, listed_there, moved) in tried {
        // A refused listing means that the bucket exists.
        let there = match &listed_there {
            Ok(_) => true,
            Err(refusal) => refusal.error.kind() == ErrorKind::Forbidden && refusal.error.code().is_some(),
        };
        if there {
            let seen =
                format!("bucket {} is not at {} but at {}", access.bucket, access.endpoint, moved.endpoint);
            let means = format!(
                "it is in {}: such a bucket is visible only at the address of its jurisdiction, which the other checks use",
                of(other)
            );
            let mend = match other {
                Some(other) => format!("export {R2_JURISDICTION}={}", other.as_str()),
                None => format!("unset {R2_JURISDICTION}"),
            };
            return (moved, listed_there, Finding::broken(JURISDICTION, seen, means).mend(mend));
        }
    }
    let finding = Finding::ok(
        JURISDICTION,
        "the bucket is at none of the addresses of eu, fedramp, us and no jurisdiction",
        "the jurisdiction is not the problem",
    );
    (access, listed, finding)
}

/// Returns the account and jurisdiction of an R2 address.
fn account(access: &Access) -> Option<(String, Option<Jurisdiction>)> {
    let host = access.endpoint.host_for(None).ok()?;
    let labels = host.strip_suffix(R2_DOMAIN)?;
    match labels.split_once('.') {
        Some((account, jurisdiction)) => Some((account.to_owned(), jurisdiction.parse().ok())),
        None => Some((labels.to_owned(), None)),
    }
}

async fn at_endpoint(access: Access, listed: Listed) -> (Access, Listed, Finding) {
    let seen = format!("{} is bucket {}", access.origin(), access.bucket);
    if let Ok(Listing { name, .. }) = &listed {
        let finding = match name {
            Some(name) if *name != access.bucket => Finding::broken(
                ENDPOINT,
                format!("{} answers as bucket {name}, not as {}", access.endpoint, access.bucket),
                "the endpoint contains one bucket, and the variable names another one",
            )
            .mend(format!(
                "export {R2_BUCKET_MEDIA}={}  # or leave the bucket out of {R2_ENDPOINT}",
                quoted(name)
            )),
            _ => Finding::ok(
                ENDPOINT,
                seen,
                "the endpoint leads to the service, and contains the bucket's name once",
            ),
        };
        return (access, listed, finding);
    }
    if let Some(endpoint) = without_bucket(&access)
        && let Ok(moved) = access.moved_to(endpoint)
    {
        let listed_there = moved.list().await;
        if matches!(&listed_there, Ok(listing) if listing.name.as_ref() == Some(&access.bucket)) {
            let seen = format!("{} contains the bucket {}", access.endpoint, access.bucket);
            let means = "requests contain the bucket's name twice, so they find nothing; the other checks use it once";
            let finding = Finding::broken(ENDPOINT, seen, means)
                .mend(format!("export {R2_ENDPOINT}={}", moved.endpoint));
            return (moved, listed_there, finding);
        }
    }
    let finding = Finding::not_possible(ENDPOINT, seen, "without a listing, the endpoint cannot be checked");
    (access, listed, finding)
}

/// Returns the endpoint without the bucket's name at its end or in front of its host.
fn without_bucket(access: &Access) -> Option<Endpoint> {
    if access.is_r2() || access.endpoint.addressing() == Addressing::VirtualHost {
        return None;
    }
    let (url, bucket) = (access.endpoint.to_string(), &access.bucket);
    let stripped = match url.strip_suffix(bucket).and_then(|url| url.strip_suffix('/')) {
        Some(url) if !url.ends_with('/') => url.to_owned(),
        _ => {
            let (scheme, rest) = url.split_once("://")?;
            format!("{scheme}://{}", rest.strip_prefix(bucket)?.strip_prefix('.')?)
        }
    };
    Endpoint::custom(&stripped).ok()
}
