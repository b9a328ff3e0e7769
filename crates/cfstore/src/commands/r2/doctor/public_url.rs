//! Checks that the public URL serves this bucket.

use bytes::Bytes;
use cloudflare_clients::http::{Method, StatusCode, header};
use cloudflare_clients::sigv4::encode_path;
use cloudflare_clients::{Error, ErrorKind};

use super::access::{Access, R2_DOMAIN};
use super::connection::is_this_machine;
use super::cors::allows_origin;
use super::finding::Finding;
use super::http::{Answer, Http};

pub(super) const PUBLIC_URL: &str = "public URL";

/// Finds a wrong URL without a request.
pub(super) fn misnamed(base: &str, access: &Access) -> Option<Finding> {
    let host = host_of(base);
    let is_s3 = host.ends_with(R2_DOMAIN)
        || access.endpoint.host_for(None).is_ok_and(|own| host.eq_ignore_ascii_case(&own))
        || access.endpoint.host_for(Some(&access.bucket)).is_ok_and(|own| host.eq_ignore_ascii_case(&own));
    is_s3.then(|| {
        Finding::broken(
            PUBLIC_URL,
            format!("{base} is the S3 endpoint"),
            "it accepts only signed requests, so it refuses every public link",
        )
        .mend(connect(access))
    })
}

/// Requests an object that was just written.
pub(super) async fn check(
    http: &Http,
    access: &Access,
    base: &str,
    key: &str,
    content: &Bytes,
    origin: Option<&str>,
) -> Finding {
    let mut url = format!("{}/", base.trim_end_matches('/'));
    encode_path(key, &mut url);
    let headers: Vec<_> = origin.map(|origin| (header::ORIGIN, origin)).into_iter().collect();
    let answer = match http.plain(Method::GET, &url, &headers).await {
        Ok(answer) => answer,
        Err(error) => return unreachable(access, base, &error),
    };
    if answer.status.is_success() && answer.body == *content {
        return serves(access, base, &answer, origin);
    }
    let seen = format!("{url} returns {}", answer.described());
    let (seen, means) = match answer.status {
        status if status.is_success() => (
            format!("{seen}, and that is not the object that was just stored"),
            "something else answers there: an application, an error page, or a cache with an old answer",
        ),
        StatusCode::NOT_FOUND => (
            seen,
            "the object that was just stored is not found: the domain serves another bucket, or the path of the URL is wrong",
        ),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => (
            seen,
            "access is refused: public access is off, or Cloudflare Access or a firewall rule blocks it",
        ),
        status if status.is_redirection() => {
            let to = answer.header(header::LOCATION).unwrap_or_default();
            (
                format!("{seen}, which leads to {}", without_query(to)),
                "requests for objects are redirected elsewhere",
            )
        }
        _ => (seen, "public links to the bucket do not work"),
    };
    Finding::broken(PUBLIC_URL, seen, means).mend(connect(access))
}

fn serves(access: &Access, base: &str, answer: &Answer, origin: Option<&str>) -> Finding {
    let seen = format!("{base} serves the object that was just stored");
    if base.starts_with("http:") && !is_this_machine(base) {
        return Finding::warning(PUBLIC_URL, seen, "it is not https: browsers block it on https pages")
            .mend(format!("cfstore r2 doctor --public-url {}", base.replacen("http:", "https:", 1)));
    }
    if host_of(base).ends_with(".r2.dev") {
        let means = "r2.dev is for development: its rate is limited, and it has no cache or firewall";
        return Finding::warning(PUBLIC_URL, seen, means).mend(connect(access));
    }
    match origin.map(|origin| allows_origin(answer, origin)) {
        Some(Err(why)) => Finding::warning(
            PUBLIC_URL,
            format!("{seen}, but {why}"),
            "images and videos work, but requests of scripts, such as players, are refused",
        )
        .mend(format!(
            "cfstore r2 cors show --bucket {}  # the rules also apply to a public domain, once its cache is purged",
            access.bucket
        )),
        _ => Finding::ok(PUBLIC_URL, seen, "public links lead to this bucket"),
    }
}

fn unreachable(access: &Access, base: &str, error: &Error) -> Finding {
    let means = match error.kind() {
        ErrorKind::Dns => "the name is unknown: the domain is not connected to the bucket",
        _ => "the public domain does not answer",
    };
    Finding::broken(PUBLIC_URL, format!("{base}: {error}"), means).mend(connect(access))
}

fn connect(access: &Access) -> String {
    format!(
        "npx wrangler r2 bucket domain add {} --domain media.example.com --zone-id ZONE_ID  # then give that domain with --public-url",
        access.bucket
    )
}

fn host_of(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default()
}

/// Removes the query, which may be a signature.
fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}
