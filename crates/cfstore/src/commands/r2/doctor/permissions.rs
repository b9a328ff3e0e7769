//! Checks of the key's permissions other than listing: read, write and admin.

use bytes::Bytes;
use cloudflare_clients::http::{Method, StatusCode, header};
use cloudflare_clients::{Error, ErrorKind};

use super::access::{Access, Sample};
use super::finding::Finding;
use super::scratch::Scratch;

pub(super) const READ: &str = "read";
pub(super) const WRITE: &str = "write";
pub(super) const ADMIN: &str = "admin";

/// The place where a key for other prefixes has no permissions.
const BELOW: &str = " below .cfstore-doctor/";

/// Name of the object that the other checks read.
pub(super) const OBJECT: &str = "object.txt";

pub(super) async fn read(access: &Access, sample: Option<&Sample>, scratch: &Scratch) -> Finding {
    let (key, place) = match sample {
        Some(sample) => (sample.key.clone(), ""),
        None => (scratch.key("missing"), BELOW),
    };
    let answer = access.object(Method::GET, &key, &[(header::RANGE, "bytes=0-0")], Bytes::new()).await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return failed(READ, &error, place, "objects cannot be read"),
    };
    let means = "the key has permission to read";
    match (sample, answer.status) {
        (Some(_), status) if status.is_success() => {
            Finding::ok(READ, "an object of the bucket can be read", means)
        }
        (None, StatusCode::NOT_FOUND) => {
            Finding::ok(READ, "a missing object is reported as missing, not as forbidden", means)
        }
        _ => failed(READ, &answer.error(), place, "objects cannot be read"),
    }
}

/// Writes the object that the other checks read.
pub(super) async fn write(access: &Access, scratch: &Scratch, content: &Bytes) -> Finding {
    let headers = [(header::CONTENT_TYPE, "text/plain"), (header::CACHE_CONTROL, "no-store")];
    match scratch.put(access, OBJECT, &headers, content.clone()).await {
        Ok(answer) if answer.status.is_success() => Finding::ok(
            WRITE,
            format!("{} was stored", scratch.key(OBJECT)),
            "the key has permission to write",
        ),
        Ok(answer) => failed(WRITE, &answer.error(), BELOW, "objects cannot be stored"),
        Err(error) => failed(WRITE, &error, BELOW, "objects cannot be stored"),
    }
}

fn failed(check: &'static str, error: &Error, place: &str, what: &str) -> Finding {
    let seen = error.to_string();
    if error.kind() == ErrorKind::Forbidden {
        return Finding::not_possible(
            check,
            seen,
            format!(
                "the key has no permission to {check}{place}; if it needs it, create a token with Object Read & Write on this bucket"
            ),
        );
    }
    Finding::broken(check, seen, format!("{what}, but not because of permissions")).mend(
        "cfstore -vv r2 ls  # shows each attempt; https://www.cloudflarestatus.com shows whether R2 is down",
    )
}

pub(super) async fn admin(access: &Access) -> Finding {
    let denied = "the key has no permission to list the account's buckets";
    let enough = "it has no admin permissions, which is right for an application";
    let may = "the key has permission to list the account's buckets";
    match access.list_buckets().await {
        Ok(answer) if answer.status.is_success() && access.is_r2() => Finding::warning(
            ADMIN,
            may,
            "it has admin permissions: anyone who gets the key has access to every bucket; an application needs only Object \
             Read & Write on its own bucket",
        )
        .mend("cfstore r2 credentials --prefix creator-123/ --expires 1h  # creates credentials with fewer permissions"),
        Ok(answer) if answer.status.is_success() => {
            Finding::ok(ADMIN, may, "it has admin permissions; on R2 an application should not have them")
        }
        Ok(answer) => match answer.error().kind() {
            ErrorKind::Forbidden | ErrorKind::Credentials => Finding::ok(ADMIN, denied, enough),
            _ => Finding::not_possible(ADMIN, answer.error().to_string(), "the service does not tell the key's permissions"),
        },
        Err(error) => Finding::not_possible(ADMIN, error.to_string(), "the service does not tell the key's permissions"),
    }
}
