//! Checks that presigned URLs work for their users.

use std::time::Duration;

use bytes::Bytes;
use cloudflare_clients::Error;
use cloudflare_clients::http::{Method, header};

use super::access::{Access, Sample};
use super::finding::Finding;
use super::http::Answer;
use super::scratch::Scratch;

pub(super) const GET: &str = "presigned GET";
pub(super) const HEAD: &str = "presigned HEAD";
pub(super) const PUT: &str = "presigned PUT";

pub(super) const EXPIRES_IN: Duration = Duration::from_secs(60);

/// What to do if signatures in headers work, but those in URLs do not.
pub(super) const MEND: &str =
    "curl -v \"$(cfstore r2 presign KEY)\"  # shows it; no proxy may change the host, path or query";

pub(super) async fn get(access: &Access, sample: &Sample) -> Finding {
    let get = async {
        let url = access.presign(Method::GET, &sample.key).expires_in(EXPIRES_IN).sign()?;
        // One byte is enough: the object may be large.
        access.http.presigned(Method::GET, &url, &[(header::RANGE, "bytes=0-0")], Bytes::new()).await
    };
    finding(GET, get.await, "pages and players can fetch objects with presigned URLs")
}

pub(super) async fn head(access: &Access, sample: &Sample) -> Finding {
    let head = async {
        let url = access.presign(Method::HEAD, &sample.key).expires_in(EXPIRES_IN).sign()?;
        access.http.presigned(Method::HEAD, &url, &[], Bytes::new()).await
    };
    let head = head.await;
    let length = match &head {
        Ok(answer) if answer.status.is_success() => answer.header(header::CONTENT_LENGTH).map(str::to_owned),
        _ => return finding(HEAD, head, ""),
    };
    match length {
        Some(length) if length == sample.size.to_string() => {
            finding(HEAD, head, "clients can read sizes and types with presigned URLs")
        }
        length => Finding::warning(
            HEAD,
            format!(
                "the Content-Length is {} instead of {}",
                length.as_deref().unwrap_or("missing"),
                sample.size
            ),
            "players that request the length first get a wrong one: a proxy compresses or buffers",
        )
        .mend(MEND),
    }
}

pub(super) async fn put(access: &Access, scratch: &Scratch) -> Finding {
    let key = scratch.key("presigned.txt");
    let url = access.presign(Method::PUT, &key).expires_in(EXPIRES_IN).content_type("text/plain").sign();
    let put = async {
        let (url, http) = (url?, access.http.clone());
        let body = Bytes::from_static(b"cfstore r2 doctor\n");
        scratch.write(&key, async move { http.presigned(Method::PUT, &url, &[], body).await }).await
    };
    finding(PUT, put.await, "browsers can upload with presigned URLs, if CORS allows it")
}

fn finding(check: &'static str, answer: Result<Answer, Error>, means: &str) -> Finding {
    match answer {
        Ok(answer) if answer.status.is_success() => {
            Finding::ok(check, format!("returned {}", answer.status), means)
        }
        Ok(answer) => broken(check, &answer.error()),
        Err(error) => broken(check, &error),
    }
}

fn broken(check: &'static str, error: &Error) -> Finding {
    Finding::broken(
        check,
        error.to_string(),
        "a signature in the headers is accepted, but one in the URL is not: a proxy changes or refuses URLs",
    )
    .mend(MEND)
}
